using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests;

/// <summary>Real processes, rows stored exactly: the same bytes however the job is run.</summary>
public sealed class ExactRowsTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    private const double Share = 0.004;

    [Fact]
    public async Task They_do_not_depend_on_workers_nor_on_one_that_is_killed()
    {
        string reference = (await job.CompressAsync("--exact-rows", "0.004", "--workers", "3", "--threads", "1")).Digest();
        using RunningCoordinator coordinator = await job.StartCoordinatorWithAsync("exact-rows", Share);
        string held = Directory.CreateDirectory(coordinator.Paths.JobDirectory + "-held").FullName;
        // It stands before its blocks of the second pass over the rows, and is killed there.
        ClusterLpProcess victim = coordinator.StartWorker(
            1, new Dictionary<string, string> { ["CLUSTERLP_FAILPOINTS"] = "worker.block/model=hold", ["CLUSTERLP_FAILPOINTS_DIR"] = held });
        await JobPaths.UntilAsync(() => Directory.GetFiles(held).Length > 0, "the victim's first block of the second pass");
        ClusterLpProcess survivor = coordinator.StartWorker();
        victim.Kill();
        await coordinator.Process.ExpectAsync(ExitCode.Done);
        await survivor.ExpectAsync(ExitCode.Done);
        Assert.Equal(reference, coordinator.Paths.Digest());
    }
}
