using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests;

/// <summary>Real processes, one job: the factors are the same bytes however it is run.</summary>
public sealed class SameFactorsTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    [Theory]
    [InlineData("1", "2")]
    [InlineData("2", "1")]
    [InlineData("3", "1")]
    public async Task In_one_process_they_do_not_depend_on_workers_or_threads(string workers, string threads)
    {
        JobPaths paths = await job.CompressAsync("--workers", workers, "--threads", threads);
        Assert.Equal(await job.ReferenceAsync(), paths.Digest());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public async Task On_a_cluster_they_are_those_of_one_process(int workers)
    {
        using RunningCoordinator coordinator = await job.StartCoordinatorAsync();
        for (int i = 0; i < workers; i++)
            coordinator.StartWorker();
        await coordinator.Process.ExpectAsync(ExitCode.Done);
        Assert.Equal(await job.ReferenceAsync(), coordinator.Paths.Digest());
        Assert.Equal(0, coordinator.Paths.Retries());
        Assert.Equal(HeavyTailedJob.Blocks, coordinator.Paths.FactorisedBlocks().Length);
        await coordinator.JoinedWorkersEndAsync();
    }

    [Fact]
    public async Task With_sparse_embeddings_on_a_cluster_they_are_those_of_one_process_too()
    {
        JobPaths alone = await job.CompressAsync("--embedding", "sparse", "--workers", "3", "--threads", "1");
        using RunningCoordinator coordinator = await job.StartCoordinatorWithAsync(("embedding", "sparse"));
        coordinator.StartWorker();
        coordinator.StartWorker();
        await coordinator.Process.ExpectAsync(ExitCode.Done);
        Assert.Equal(alone.Digest(), coordinator.Paths.Digest());
        Assert.NotEqual(await job.ReferenceAsync(), alone.Digest());
    }

    [Fact]
    public async Task A_joint_fit_on_a_cluster_that_changes_is_that_of_one_process()
    {
        using RunningCoordinator coordinator = await job.StartCoordinatorWithAsync(HeavyTailedJob.Joint);
        ClusterLpProcess first = coordinator.StartWorker();
        await JobPaths.UntilAsync(() => Directory.Exists(Path.Combine(coordinator.Paths.JobDirectory, "blobs", "t0", "joint-3")), "a few joint rounds");
        // Half of the blocks move to the second worker, and all of them when the first is gone: both replay what they have not seen.
        ClusterLpProcess second = coordinator.StartWorker();
        await JobPaths.UntilAsync(() => Directory.Exists(Path.Combine(coordinator.Paths.JobDirectory, "blobs", "t0", "joint-12")), "a few more");
        first.Kill();
        await coordinator.Process.ExpectAsync(ExitCode.Done);
        await second.ExpectAsync(ExitCode.Done);
        Assert.Equal(await job.JointReferenceAsync(), coordinator.Paths.Digest());
        Assert.NotEqual(await job.ReferenceAsync(), coordinator.Paths.Digest());
    }

    [Fact]
    public async Task A_worker_killed_while_it_computes_costs_only_the_blocks_it_held()
    {
        const int slots = 2;
        using RunningCoordinator coordinator = await job.StartCoordinatorAsync();
        // It stands before its blocks of U: killed while it reports one, it would leave a file that nobody counts.
        string held = Directory.CreateDirectory(coordinator.Paths.JobDirectory + "-held").FullName;
        ClusterLpProcess victim = coordinator.StartWorker(
            slots, new Dictionary<string, string> { ["CLUSTERLP_FAILPOINTS"] = "worker.block/factorise=hold", ["CLUSTERLP_FAILPOINTS_DIR"] = held });
        await coordinator.Paths.UnderWayAsync();
        ClusterLpProcess survivor = coordinator.StartWorker();
        await JobPaths.UntilAsync(() => Directory.GetFiles(held).Length > 0, "the victim's first block of U");
        victim.Kill();
        await coordinator.Process.ExpectAsync(ExitCode.Done);
        await survivor.ExpectAsync(ExitCode.Done);

        Assert.Equal(await job.ReferenceAsync(), coordinator.Paths.Digest());
        (int Block, int Attempt)[] blocks = coordinator.Paths.FactorisedBlocks();
        Assert.Equal(Enumerable.Range(0, HeavyTailedJob.Blocks), blocks.Select(block => block.Block));
        int repeated = blocks.Count(block => block.Attempt > 1);
        Assert.InRange(repeated, 1, slots);
        // Each was due again once the loss was noticed, or had been copied by the idle survivor before; other slow blocks may have been copied too.
        (int retries, int copies) = (coordinator.Paths.Retries(), coordinator.Paths.Speculative());
        Assert.InRange(retries, repeated - copies, repeated);
    }
}
