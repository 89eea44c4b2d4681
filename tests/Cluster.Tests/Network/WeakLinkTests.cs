namespace ClusterLp.Cluster.Tests.Network;

/// <summary>Lines that work a little.</summary>
public sealed class WeakLinkTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    [NetworkFact]
    public async Task A_worker_that_is_no_longer_heard_but_hears_is_the_only_one_to_go()
    {
        using NetworkedJob run = await NetworkedJob.StartAsync(job, workers: 2);
        run.Lab.CutOneWay(run.Node(0), run.CoordinatorNode);
        await run.LostAsync(0);
        run.Lab.Heal(run.Node(0));
        await run.RejoinedAsync(0);
        await run.FinishAsync();
        Assert.DoesNotContain("lost the coordinator", await run.Workers[1].Process.ErrorAsync());
    }

    [NetworkFact]
    public async Task A_worker_that_no_longer_hears_but_is_heard_is_the_only_one_to_go()
    {
        using NetworkedJob run = await NetworkedJob.StartAsync(job, workers: 2);
        run.Lab.CutOneWay(run.CoordinatorNode, run.Node(0));
        await run.LostAsync(0);
        run.Lab.Heal(run.CoordinatorNode);
        await run.RejoinedAsync(0);
        await run.FinishAsync();
        Assert.DoesNotContain("lost the coordinator", await run.Workers[1].Process.ErrorAsync());
    }

    [NetworkFact]
    public async Task A_line_that_comes_and_goes_ends_nothing()
    {
        using NetworkedJob run = await NetworkedJob.StartAsync(job, workers: 2);
        for (int i = 0; i < 10; i++)
        {
            run.Lab.Cut(run.Node(0));
            await Task.Delay(2000);
            run.Lab.Heal(run.Node(0));
            await Task.Delay(500);
        }
        await run.FinishAsync();
    }

    [NetworkFact]
    public async Task Slow_lines_that_lose_every_twentieth_frame_cost_only_time()
    {
        using NetworkedJob run = await NetworkedJob.StartAsync(
            job, workers: 2, threads: 4, (lab, node) => lab.Impair(node, TimeSpan.FromMilliseconds(200), loss: 0.05));
        await run.FinishAsync();
        Assert.DoesNotContain("lost the coordinator", await run.Workers[0].Process.ErrorAsync() + await run.Workers[1].Process.ErrorAsync());
        Assert.DoesNotContain("is gone", await run.Coordinator.ErrorAsync());
    }
}
