namespace ClusterLp.Cluster.Tests.Network;

/// <summary>The network falls apart without a word and comes together again.</summary>
public sealed class PartitionTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    [NetworkFact]
    public async Task A_worker_cut_off_leaves_its_blocks_to_the_others_and_is_back_once_the_network_is()
    {
        using NetworkedJob run = await NetworkedJob.StartAsync(job, workers: 3);
        run.Lab.Cut(run.Node(0));
        await run.LostAsync(0);
        run.Lab.Heal(run.Node(0));
        await run.RejoinedAsync(0);
        await run.FinishAsync();
    }

    [NetworkFact]
    public async Task Half_the_nodes_without_the_coordinator_found_no_cluster_of_their_own_and_come_back()
    {
        using NetworkedJob run = await NetworkedJob.StartAsync(job, workers: 3);
        run.Lab.Split(run.Node(1), run.Node(2));
        await run.LostAsync(1, 2);
        run.Lab.Heal(run.Node(1));
        run.Lab.Heal(run.Node(2));
        await run.RejoinedAsync(1, 2);
        await run.FinishAsync();
    }

    [NetworkFact]
    public async Task A_coordinator_cut_off_from_every_worker_waits_for_them()
    {
        using NetworkedJob run = await NetworkedJob.StartAsync(job, workers: 2);
        run.Lab.Cut(run.CoordinatorNode);
        await run.LostAsync(0, 1);
        run.Lab.Heal(run.CoordinatorNode);
        await run.RejoinedAsync(0, 1);
        await run.FinishAsync();
    }
}
