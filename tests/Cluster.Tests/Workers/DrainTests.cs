using System.Diagnostics;
using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests.Workers;

/// <summary>A worker told to stop finishes what it holds, if that does not take too long.</summary>
public sealed class DrainTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    [Fact]
    public async Task A_worker_told_to_stop_delivers_its_block_first()
    {
        using var inWork = new Gate("worker.block/coreset");
        using RunningCoordinator coordinator = await job.StartCoordinatorAsync();
        ClusterLpProcess leaver = coordinator.StartWorkerWith(inWork.Environment(), "--threads", "1");
        await inWork.ReachedAsync();
        leaver.Signal(ClusterLpProcess.Terminate);
        await leaver.UntilItSaysAsync("taking no more blocks");
        await inWork.OpenAsync();
        await leaver.ExpectAsync(ExitCode.Interrupted);
        ClusterLpProcess stayer = coordinator.StartWorker();
        await coordinator.Process.ExpectAsync(ExitCode.Done);
        await stayer.ExpectAsync(ExitCode.Done);
        Assert.Equal(await job.ReferenceAsync(), coordinator.Paths.Digest());
        Assert.Equal(0, coordinator.Paths.Retries());
    }

    [Fact]
    public async Task Blocks_that_take_too_long_go_to_other_workers()
    {
        using RunningCoordinator coordinator = await job.StartCoordinatorAsync();
        using var inWork = new Gate("worker.block/coreset");
        ClusterLpProcess leaver = coordinator.StartWorkerWith(inWork.Environment(), "--threads", "1", "--drain-timeout", "1s");
        await inWork.ReachedAsync();
        leaver.Signal(ClusterLpProcess.Terminate);
        await leaver.UntilItSaysAsync("blocks not finished in time");
        await inWork.OpenAsync();
        await leaver.ExpectAsync(ExitCode.Interrupted);
        ClusterLpProcess stayer = coordinator.StartWorker();
        await coordinator.Process.ExpectAsync(ExitCode.Done);
        await stayer.ExpectAsync(ExitCode.Done);
        Assert.Equal(await job.ReferenceAsync(), coordinator.Paths.Digest());
    }

    [Fact]
    public async Task A_second_signal_ends_a_worker_at_once()
    {
        using var inWork = new Gate("worker.block/coreset");
        using RunningCoordinator coordinator = await job.StartCoordinatorAsync();
        ClusterLpProcess leaver = coordinator.StartWorkerWith(inWork.Environment(), "--threads", "1");
        await inWork.ReachedAsync();
        leaver.Signal(ClusterLpProcess.Terminate);
        await leaver.UntilItSaysAsync("taking no more blocks");
        leaver.Signal(ClusterLpProcess.Terminate);
        Stopwatch clock = Stopwatch.StartNew();
        await leaver.ExpectAsync(ExitCode.Interrupted);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), "it went on to drain");
    }
}
