using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace ClusterLp.Cli.Tests;

/// <summary>The Python of the benchmark page: the evaluator, the peers and the renderer have tests of their own, in bench/tests.</summary>
public class BenchmarkPageTests
{
    [PythonFact]
    public void The_evaluator_the_peers_and_the_page_pass_their_tests()
    {
        using Process process = Python.Start("-m", "unittest", "discover", "-s", Path.Combine(Root(), "bench", "tests"));
        Task<string> printed = process.StandardOutput.ReadToEndAsync();
        string said = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, said + printed.Result);
    }

    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(here, "..", "..", ".."));
}

/// <summary>An interpreter with numpy, as ./test installs it.</summary>
internal static class Python
{
    public static string? Interpreter { get; } = new[] { "/usr/bin/python3", "python3" }.FirstOrDefault(HasNumpy);

    public static Process Start(params string[] arguments) => Start(Interpreter!, arguments);

    private static Process Start(string interpreter, string[] arguments) => Process.Start(new ProcessStartInfo(interpreter, arguments)
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    private static bool HasNumpy(string interpreter)
    {
        try
        {
            using Process process = Start(interpreter, ["-c", "import numpy, scipy"]);
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}

/// <summary>A test that runs Python; skipped, with the reason, where there is none with numpy and scipy.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PythonFactAttribute : FactAttribute
{
    public PythonFactAttribute() =>
        Skip = Python.Interpreter is null ? "needs Python with numpy and scipy (Debian: apt-get install python3-numpy python3-scipy)" : null;
}
