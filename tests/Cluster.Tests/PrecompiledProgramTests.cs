using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests;

/// <summary>What ./clusterlp publishes: a program that hardly compiles anything while a job starts.</summary>
public sealed class PrecompiledProgramTests
{
    [PublishedFact]
    public async Task A_small_job_compiles_few_methods()
    {
        using var job = new HeavyTailedJob();
        string folder = Path.GetDirectoryName(job.Model)!, listing = Path.Combine(folder, "compiled.txt");
        using var process = ClusterLpProcess.Start(
            new Dictionary<string, string> { ["DOTNET_JitStdOutFile"] = listing, ["DOTNET_JitDisasmSummary"] = "1" },
            "compress", job.Model, "--rank", "8", "--p", "2", "--output", Path.Combine(folder, "out"), "--quiet");
        await process.ExpectAsync(ExitCode.Done);

        string[] compiled = File.ReadAllLines(listing);
        // 950; without the framework's generic types over the program's own 3,300, of which two thirds are these.
        Assert.InRange(compiled.Length, 1, 2000);
        Assert.DoesNotContain(compiled, method => method.Contains("JsonPropertyInfoValues`1[ClusterLp.", StringComparison.Ordinal));
    }

    /// <summary>Needs ./clusterlp to have built; ./test does it and says where.</summary>
    private sealed class PublishedFactAttribute : FactAttribute
    {
        public PublishedFactAttribute() =>
            Skip = Environment.GetEnvironmentVariable("CLUSTERLP_PROGRAM") is null ? "needs the published program: run ./test" : null;
    }
}
