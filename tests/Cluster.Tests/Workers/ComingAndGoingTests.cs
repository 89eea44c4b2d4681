using System.Globalization;
using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests.Workers;

/// <summary>Workers and coordinators that vanish, stand still, come back and change in number while the job goes on.</summary>
public sealed class ComingAndGoingTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    [Fact]
    public async Task A_coordinator_restarted_at_its_address_is_found_by_its_workers()
    {
        using RunningCoordinator first = await job.StartCoordinatorAsync();
        ClusterLpProcess[] workers = [SlowWorker(first), SlowWorker(first)];
        await first.Paths.UnderWayAsync();
        first.Process.Kill();
        using ClusterLpProcess second = ClusterLpProcess.Start("coordinator", "--job", first.Paths.Output + ".json", "--listen", first.Address);
        foreach (ClusterLpProcess worker in workers)
            await worker.UntilItSaysAsync("joined the coordinator", 2);
        await second.ExpectAsync(ExitCode.Done);
        foreach (ClusterLpProcess worker in workers)
            await worker.ExpectAsync(ExitCode.Done);
        Assert.Equal(await job.ReferenceAsync(), first.Paths.Digest());
    }

    [Fact]
    public async Task A_worker_that_stood_still_until_it_was_given_up_joins_as_a_new_one()
    {
        using var halfWay = new Gate("coordinator.reduce/coreset");
        using RunningCoordinator coordinator = await GatedCoordinatorAsync(halfWay);
        ClusterLpProcess sleeper = SlowWorker(coordinator), other = SlowWorker(coordinator);
        await coordinator.Process.UntilItSaysAsync("joined with", 2);
        await coordinator.Paths.UnderWayAsync();
        sleeper.Signal(ClusterLpProcess.Stop);
        await coordinator.Process.UntilItSaysAsync("is gone");
        sleeper.Signal(ClusterLpProcess.Continue);
        await sleeper.UntilItSaysAsync("joined the coordinator", 2);
        await coordinator.Process.UntilItSaysAsync("joined with", 3);
        await halfWay.OpenAsync();
        await coordinator.Process.ExpectAsync(ExitCode.Done);
        await sleeper.ExpectAsync(ExitCode.Done);
        await other.ExpectAsync(ExitCode.Done);
        Assert.Equal(await job.ReferenceAsync(), coordinator.Paths.Digest());
    }

    [Fact]
    public async Task A_worker_started_again_at_the_address_of_one_that_was_killed_is_not_taken_for_it()
    {
        using var halfWay = new Gate("coordinator.reduce/coreset");
        using RunningCoordinator coordinator = await GatedCoordinatorAsync(halfWay);
        string[] address = ["--listen", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{ClusterLpProcess.FreePort()}")];
        ClusterLpProcess former = coordinator.StartWorker(2, address);
        await coordinator.Process.UntilItSaysAsync("joined with");
        former.Kill();
        former.WaitForEnd();
        ClusterLpProcess next = coordinator.StartWorker(2, address);
        await coordinator.Process.UntilItSaysAsync("joined with", 2);
        // Its successor takes its place; should Akka give up the address too, the successor goes with it and is back.
        await coordinator.Process.UntilItSaysAsync("is gone");
        await halfWay.OpenAsync();
        await coordinator.Process.ExpectAsync(ExitCode.Done);
        await next.ExpectAsync(ExitCode.Done);
        Assert.DoesNotContain("lost the coordinator", await next.ErrorAsync());
        Assert.Equal(await job.ReferenceAsync(), coordinator.Paths.Digest());
    }

    [Fact]
    public async Task Workers_may_become_many_and_few_again_during_a_job()
    {
        using var early = new Gate("coordinator.reduce/lewis-0");
        using RunningCoordinator coordinator = await GatedCoordinatorAsync(early);
        List<ClusterLpProcess> workers = [SlowWorker(coordinator), SlowWorker(coordinator)];
        await early.ReachedAsync();
        for (int i = 0; i < 6; i++)
            workers.Add(SlowWorker(coordinator));
        await coordinator.Process.UntilItSaysAsync("joined with", 8);
        await early.OpenAsync();
        await JobPaths.UntilAsync(() => coordinator.Paths.FactorisedBlocks().Length > 0, "the first block of U");
        // The first two are among those that go.
        for (int i = 0; i < 6; i++)
            if (i % 2 == 0)
                workers[i].Kill();
            else
                workers[i].Signal(ClusterLpProcess.Terminate);
        for (int i = 1; i < 6; i += 2)
            await workers[i].ExpectAsync(ExitCode.Interrupted);
        await coordinator.Process.ExpectAsync(ExitCode.Done);
        await workers[6].ExpectAsync(ExitCode.Done);
        await workers[7].ExpectAsync(ExitCode.Done);
        Assert.Equal(await job.ReferenceAsync(), coordinator.Paths.Digest());
    }

    private Task<RunningCoordinator> GatedCoordinatorAsync(Gate gate) => job.StartCoordinatorAsync(
        arguments => ClusterLpProcess.StartBy([], gate.Environment(), [.. arguments, .. HeavyTailedJob.Listen()]));

    private static ClusterLpProcess SlowWorker(RunningCoordinator coordinator) =>
        coordinator.StartWorkerWith(new Dictionary<string, string> { ["CLUSTERLP_FAILPOINTS"] = "worker.block=delay:100" }, "--threads", "1");
}
