using ClusterLp.Cluster.Tests.Security;
using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests.Storage;

/// <summary>Real processes: workers that get their blobs from the coordinator instead of a shared folder.</summary>
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
        using ClusterLpProcess open = ClusterLpProcess.Start("coordinator", "--job", file, "--listen", "127.0.0.1:0", "--serve-blobs", "0.0.0.0:0", "--root", Path.GetDirectoryName(job.Model)!);
        await open.ExpectAsync(ExitCode.Refused);
        Assert.Contains("--insecure", await open.ErrorAsync());
    }

    [SmallDiskFact]
    public async Task A_full_job_directory_ends_a_job_whose_workers_do_not_see_it()
    {
        using var disk = new SmallDisk(kib: 2048);
        string directory = Path.Combine(disk.Folder, "job"), file = Path.ChangeExtension(job.Model, ".full.json");
        await File.WriteAllTextAsync(file, $$"""{"model": "{{job.Model}}", "output": "{{job.Model}}.full", "compression": 0.3, "block-rows": 500}""");
        using ClusterLpProcess coordinator = ClusterLpProcess.Start(
            "coordinator", "--job", file, "--job-dir", directory, "--listen", "127.0.0.1:0", "--serve-blobs", "127.0.0.1:0");
        string address = Path.Combine(directory, "coordinator.address");
        await JobPaths.UntilAsync(() => File.Exists(address), "the coordinator to listen");
        using ClusterLpProcess worker = ClusterLpProcess.Start("worker", "--coordinator", (await File.ReadAllTextAsync(address)).Trim(), "--threads", "1");
        await coordinator.ExpectAsync(ExitCode.CannotWrite);
        string error = await coordinator.ErrorAsync();
        Assert.Contains(directory, error);
        Assert.Contains("same command again", error);
        Assert.False(Directory.Exists(job.Model + ".full"));
        Assert.False(worker.HasEnded, "the job may be resumed: the worker waits for that");
    }

    [Fact]
    public async Task With_tls_blobs_are_served_with_tls()
    {
        using var authority = new TestAuthority();
        using RunningCoordinator coordinator = await job.StartCoordinatorAsync(null, ["--serve-blobs", "127.0.0.1:0", .. authority.Options]);
        ClusterLpProcess worker = coordinator.StartWorker(1, authority.Options);
        await coordinator.Process.ExpectAsync(ExitCode.Done);
        await worker.ExpectAsync(ExitCode.Done);
        Assert.Contains("blobs come from and go to https://127.0.0.1:", await worker.ErrorAsync());
        Assert.Equal(await job.ReferenceAsync(), coordinator.Paths.Digest());
        Assert.Equal(0, coordinator.Paths.Retries());
    }
}
