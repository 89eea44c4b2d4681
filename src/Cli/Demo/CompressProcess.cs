using System.Diagnostics;
using System.Text.Json;
using ClusterLp.Core;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Demo;

/// <summary>
/// Runs <c>clusterlp compress</c> as a process of its own, with the command line a user would type: what the demo shows is
/// what anyone gets.
/// </summary>
internal sealed class CompressProcess(int? workers, CancellationToken cancellation)
{
    /// <summary>Compresses <paramref name="input"/> into <paramref name="output"/> (replaced) and returns the one tensor's report.</summary>
    /// <param name="input">Model or matrix.</param>
    /// <param name="output">Output directory.</param>
    /// <param name="options">Further options of <c>compress</c>.</param>
    /// <exception cref="ClusterLpException">The command failed; carries its exit code and its last line of complaint.</exception>
    public async Task<(TensorReport Tensor, double Seconds)> RunAsync(string input, string output, params string[] options)
    {
        List<string> arguments = ["compress", input, .. options, "--output", output, "--force", "--json", "--quiet"];
        if (workers is { } count)
            arguments.AddRange(["--workers", $"{count}"]);
        await Console.Error.WriteLineAsync($"  clusterlp compress {Path.GetFileName(input)} {string.Join(' ', options.Select(option => Path.GetFileName(option)))}");
        using Process process = Start(arguments);
        try
        {
            Task<string> complaint = process.StandardError.ReadToEndAsync(cancellation);
            string json = await process.StandardOutput.ReadToEndAsync(cancellation);
            await process.WaitForExitAsync(cancellation);
            if (process.ExitCode != 0)
            {
                string last = (await complaint).TrimEnd().Split('\n')[^1];
                throw new ClusterLpException((ExitCode)process.ExitCode, $"clusterlp {string.Join(' ', arguments)} failed: {last}");
            }
            JobReport report = JsonSerializer.Deserialize<JobReport>(json, ReportJson.Options)!;
            return (report.Tensors[0], report.Seconds["total"]);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
            throw;
        }
    }

    private static Process Start(List<string> arguments)
    {
        string self = Environment.ProcessPath!;
        // Under `dotnet clusterlp.dll` the process is dotnet, and the program its first argument.
        if (Path.GetFileNameWithoutExtension(self) == "dotnet")
            arguments.Insert(0, typeof(CompressProcess).Assembly.Location);
        return Process.Start(new ProcessStartInfo(self, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
    }
}
