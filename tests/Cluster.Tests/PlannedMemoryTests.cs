using System.Text.Json;
using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests;

/// <summary>What <c>plan</c> says of memory, beside what a process of the job has resident at its peak.</summary>
public sealed class PlannedMemoryTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("clusterlp-memory-");

    private string Model => Path.Combine(_folder.FullName, "matrix.npy");

    public void Dispose() => _folder.Delete(recursive: true);

    /// <summary>Many subspaces hold more than all else does, and the plan knows it.</summary>
    [Fact]
    public async Task It_counts_what_the_model_holds()
    {
        File.WriteAllBytes(Model, HeavyTailedJob.Matrix(1000, 256));
        double plain = await PlannedAsync(), planned = await PlannedAsync("--subspaces", "64", "--restarts", "2");
        double peak = await PeakAsync("--subspaces", "64", "--restarts", "2");
        Assert.True(plain < 0.75 * peak, $"{peak:G4} bytes at the peak are hardly more than the {plain:G4} of a plain job");
        // A garbage collector takes its time, the more so where memory is plenty.
        Assert.InRange(peak / planned, 0.4, 1.5);
    }

    private async Task<double> PlannedAsync(params string[] options)
    {
        string json = await ClusterLpProcess.RunAsync(ExitCode.Done, ["plan", Model, "--compression", "0.5", "--threads", "2", "--json", "--quiet", .. options]);
        return JsonDocument.Parse(json).RootElement.GetProperty("memoryBytes").GetDouble();
    }

    private async Task<double> PeakAsync(params string[] options)
    {
        using ClusterLpProcess job = ClusterLpProcess.Start([
            "compress", Model, "--compression", "0.5", "--workers", "1", "--threads", "2", "--quiet", "--output", Path.Combine(_folder.FullName, "out"), .. options]);
        double peak = 0;
        while (!job.HasEnded)
        {
            peak = Math.Max(peak, job.PeakBytes());
            await Task.Delay(20);
        }
        await job.ExpectAsync(ExitCode.Done);
        return peak;
    }
}
