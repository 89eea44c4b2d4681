using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests;

/// <summary>Real processes, rows in several subspaces: the same bytes however the job is run.</summary>
public sealed class SubspacesTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    private const int Subspaces = 3;

    [Fact]
    public async Task They_do_not_depend_on_workers_nor_on_one_that_is_killed()
    {
        string reference = (await job.CompressAsync("--subspaces", "3", "--workers", "1", "--threads", "1")).Digest();
        foreach ((string workers, string threads) in new[] { ("2", "1"), ("3", "2") })
            Assert.Equal(reference, (await job.CompressAsync("--subspaces", "3", "--workers", workers, "--threads", threads)).Digest());
        using RunningCoordinator coordinator = await job.StartCoordinatorWithAsync("subspaces", Subspaces);
        string held = Directory.CreateDirectory(coordinator.Paths.JobDirectory + "-held").FullName;
        // It stands before its blocks of the first round, and is killed there.
        ClusterLpProcess victim = coordinator.StartWorker(
            1, new Dictionary<string, string> { ["CLUSTERLP_FAILPOINTS"] = "worker.block/model=hold", ["CLUSTERLP_FAILPOINTS_DIR"] = held });
        await JobPaths.UntilAsync(() => Directory.GetFiles(held).Length > 0, "the victim's first block of a round");
        ClusterLpProcess survivor = coordinator.StartWorker();
        victim.Kill();
        await coordinator.Process.ExpectAsync(ExitCode.Done);
        await survivor.ExpectAsync(ExitCode.Done);
        Assert.Equal(reference, coordinator.Paths.Digest());
    }
}
