using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests.Storage;

/// <summary>Real processes: workers that get their blobs from the coordinator instead of a shared folder.</summary>
[Collection(HeavyTailedJob.UsesAllCores)]
public sealed class ServedBlobsTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    [Fact]
    public async Task Without_a_shared_folder_the_factors_are_the_same_bytes_whatever_breaks_on_the_way()
    {
        using RunningCoordinator coordinator = await job.StartCoordinatorAsync(null, "--serve-blobs", "127.0.0.1:0");
        // Broken transfers go on; only a folder shared after all, or one begun again as a new attempt, would count as a retry.
        var broken = new Dictionary<string, string> { ["CLUSTERLP_FAILPOINTS"] = "blob.read=fail@3;blob.write=fail@5;blob.read=short@20" };
        ClusterLpProcess worker = coordinator.StartWorker(1, broken);
        coordinator.StartWorker();
        await coordinator.Process.ExpectAsync(ExitCode.Done);
        Assert.Equal(await job.ReferenceAsync(), coordinator.Paths.Digest());
        Assert.Equal(0, coordinator.Paths.Retries());
        await worker.ExpectAsync(ExitCode.Done);
        Assert.Contains("blobs come from and go to http://127.0.0.1:", await worker.ErrorAsync());
        Assert.Empty(Directory.GetFiles(coordinator.Paths.JobDirectory, "*.tmp-*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_blob_altered_on_the_way_does_not_get_into_the_factors()
    {
        using RunningCoordinator coordinator = await job.StartCoordinatorAsync(null, "--serve-blobs", "127.0.0.1:0");
        coordinator.StartWorker(1, new Dictionary<string, string> { ["CLUSTERLP_FAILPOINTS"] = "blob.read=flip@7" });
        await coordinator.Process.ExpectAsync(ExitCode.Done);
        Assert.Equal(await job.ReferenceAsync(), coordinator.Paths.Digest());
        Assert.Equal(1, coordinator.Paths.Retries());
    }

    [Fact]
    public async Task Serving_to_other_machines_without_tls_takes_leave()
    {
        string file = Path.ChangeExtension(job.Model, ".open.json");
        await File.WriteAllTextAsync(file, $$"""{"model": "{{job.Model}}", "output": "{{job.Model}}.open", "compression": 0.3}""");
        using ClusterLpProcess open = ClusterLpProcess.Start("coordinator", "--job", file, "--listen", "127.0.0.1:0", "--serve-blobs", "0.0.0.0:0");
        await open.ExpectAsync(ExitCode.Refused);
        Assert.Contains("--insecure", await open.ErrorAsync());
    }
}
