using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests;

/// <summary>A worker on its own, with no coordinator to come back to.</summary>
public sealed class LostCoordinatorTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    [Fact]
    public async Task A_worker_whose_coordinator_is_killed_ends_resumable()
    {
        using RunningCoordinator coordinator = await job.StartCoordinatorAsync();
        ClusterLpProcess worker = coordinator.StartWorker(1, "--rejoin-timeout", "2s");
        await coordinator.Paths.UnderWayAsync();
        coordinator.Process.Kill();
        await worker.ExpectAsync(ExitCode.Resumable);
        Assert.False(Directory.Exists(coordinator.Paths.Output));
    }
}
