using System.Diagnostics;

namespace ClusterLp.Cli.Tests;

/// <summary>The benchmark page: its evaluator, peers and renderer are Python and have tests of their own, in bench/tests.</summary>
public class BenchmarkPageTests
{
    [PythonFact]
    public void The_evaluator_the_peers_and_the_page_pass_their_tests()
    {
        using Process process = Python.Start("-m", "unittest", "discover", "-s", Path.Combine(Python.Repository, "bench", "tests"));
        Task<string> printed = process.StandardOutput.ReadToEndAsync();
        string said = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, said + printed.Result);
    }

    [Theory]
    [InlineData("all", "python3-numpy python3-scipy python3-sklearn python3-dask python3-matplotlib libopenblas0-pthread")]
    [InlineData("run", "python3-numpy python3-sklearn libopenblas0-pthread")]
    public void Missing_packages_are_named_with_the_command_that_installs_them(string script, string packages)
    {
        var start = new ProcessStartInfo(Path.Combine(Python.Repository, "bench", script)) { RedirectStandardError = true };
        start.Environment["PYTHON"] = "false";
        using Process process = Process.Start(start)!;
        string said = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(69, process.ExitCode);
        Assert.Contains($"apt-get install {packages}", Assert.Single(said.TrimEnd().Split('\n')));
    }
}

/// <summary>An interpreter with numpy, as ./test installs it.</summary>
internal static class Python
{
    public static string? Interpreter { get; } = new[] { "/usr/bin/python3", "python3" }.FirstOrDefault(HasNumpy);

    /// <summary>The repository, above the folder that the tests run in.</summary>
    public static string Repository { get; } = Root();

    public static Process Start(params string[] arguments) => Start(Interpreter!, arguments);

    private static Process Start(string interpreter, string[] arguments) => Process.Start(new ProcessStartInfo(interpreter, arguments)
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "ClusterLp.sln")))
            folder = folder.Parent ?? throw new InvalidOperationException($"no ClusterLp.sln above {AppContext.BaseDirectory}");
        return folder.FullName;
    }

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
