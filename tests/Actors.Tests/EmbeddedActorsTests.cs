using Akka.Actor;
using Akka.Configuration;
using Akka.TestKit.Xunit2;
using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Messages;
using ClusterLp.Messages.Serialization;
using ClusterLp.WorkerNode;

namespace ClusterLp.Actors.Tests;

/// <summary>Whole jobs through the actors in one system; every message is serialised on its way.</summary>
public sealed class EmbeddedActorsTests() : TestKit(
    ConfigurationFactory.ParseString(
        """
        akka.loglevel = WARNING
        akka.actor.serialize-messages = on
        """).WithFallback(WireSerializer.Config).WithFallback(DefaultConfig))
{
    /// <summary>What a job must come to: every stage's blobs in block order.</summary>
    private static string Expected(int tensors)
    {
        string all = "";
        for (int tensor = 0; tensor < tensors; tensor++)
        {
            string basis = "";
            foreach (string stage in (string[])["scan", "refine-0", "factorise"])
                basis = string.Concat(Enumerable.Range(0, TestJob.Blocks).Select(
                    block => $"tensor {tensor} {stage} block {block} row {10 * block} basis {basis.Length}\n"));
            all += basis;
        }
        return all;
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(2, 1, 1)]
    [InlineData(3, 2, 4)]
    public async Task A_job_comes_to_the_same_whatever_the_number_of_workers_and_slots(int workers, int slots, int tensors)
    {
        using var job = new TestJob(tensors);
        var random = new Random(workers);
        var pipeline = new FakePipeline { BeforeBlock = (_, _) => Thread.Sleep(random.Next(8)) };
        IActorRef coordinator = job.StartCoordinator(Sys, pipeline);
        var ends = Enumerable.Range(0, workers).Select(i => job.StartWorker(Sys, coordinator, pipeline, $"w{i}", slots).End).ToList();

        Assert.Equal(Expected(tensors), await job.OutcomeAsync());
        Assert.Equal(3 * TestJob.Blocks * tensors, pipeline.Computed.Count);
        Assert.Equal(pipeline.Computed.Count, pipeline.Computed.Distinct().Count());
        foreach (Task<WorkerEnd> end in ends)
            Assert.Equal(ExitCode.Done, (await end.WaitAsync(TimeSpan.FromSeconds(10))).Code);
        Shutdown();
    }

    [Fact]
    public async Task A_stopped_workers_block_is_computed_by_another()
    {
        using var job = new TestJob();
        using var held = new ManualResetEventSlim();
        var stuck = new FakePipeline
        {
            BeforeBlock = (_, context) =>
            {
                held.Set();
                context.Cancellation.WaitHandle.WaitOne();
            },
        };
        var working = new FakePipeline();
        IActorRef coordinator = job.StartCoordinator(Sys, working);
        (IActorRef lost, _) = job.StartWorker(Sys, coordinator, stuck, "lost");
        Assert.True(held.Wait(TimeSpan.FromSeconds(10)));
        Sys.Stop(lost);
        job.StartWorker(Sys, coordinator, working, "other");

        Assert.Equal(Expected(1), await job.OutcomeAsync());
        Assert.Equal(1, (await job.Ended.Task).Retries);
        Assert.Equal(3 * TestJob.Blocks, working.Computed.Count);
        Shutdown();
    }

    [Fact]
    public async Task Bad_data_fails_the_job_at_once_with_its_message_and_code()
    {
        using var job = new TestJob();
        int tries = 0;
        var pipeline = new FakePipeline
        {
            BeforeBlock = (task, _) =>
            {
                if (task.Address.Block == 3 && Interlocked.Increment(ref tries) > 0)
                    throw ClusterLpException.BadInput("t0: NaN at row 31, column 0");
            },
        };
        (_, Task<WorkerEnd> end) = job.StartWorker(Sys, job.StartCoordinator(Sys, pipeline), pipeline, "w");

        JobState last = await job.Ended.Task.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(new JobEnd(ExitCode.BadInput, "t0: NaN at row 31, column 0"), last.End);
        Assert.Equal(1, tries);
        Assert.Equal(ExitCode.Done, (await end.WaitAsync(TimeSpan.FromSeconds(10))).Code);
        Shutdown();
    }

    [Fact]
    public async Task A_block_that_always_throws_is_poison_after_five_attempts()
    {
        using var job = new TestJob();
        int tries = 0;
        var pipeline = new FakePipeline
        {
            BeforeBlock = (task, _) =>
            {
                if (task.Address.Block == 2 && Interlocked.Increment(ref tries) > 0)
                    throw new InvalidOperationException("boom");
            },
        };
        job.StartWorker(Sys, job.StartCoordinator(Sys, pipeline), pipeline, "w");

        JobState last = await job.Ended.Task.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(ExitCode.Internal, last.End!.Code);
        Assert.Contains("block 2", last.End.Reason);
        Assert.Contains("boom", last.End.Reason);
        Assert.Equal(5, tries);
        Shutdown();
    }

    [Fact]
    public async Task A_blob_damaged_before_its_reduction_is_computed_again()
    {
        using var job = new TestJob();
        int damaged = 0;
        var pipeline = new FakePipeline
        {
            BeforeReduction = (_, results) =>
            {
                if (Interlocked.Exchange(ref damaged, 1) == 0)
                    job.Blobs.Write(results[4].Blob.Uri["file:".Length..], stream => stream.Write(new byte[results[4].Blob.Length]));
            },
        };
        job.StartWorker(Sys, job.StartCoordinator(Sys, pipeline), pipeline, "w");

        Assert.Equal(Expected(1), await job.OutcomeAsync());
        Assert.Equal(3 * TestJob.Blocks + 1, pipeline.Computed.Count);
        Assert.Equal(2, pipeline.Computed.Count(block => block is { Block: 4, Stage.Kind: StageKind.Scan }));
        Shutdown();
    }

    [Theory]
    [InlineData(StageKind.Scan, false)]
    [InlineData(StageKind.Factorise, false)]
    [InlineData(StageKind.Factorise, true)]
    public async Task A_result_whose_blob_is_not_what_was_reported_never_reaches_a_reduction(StageKind stage, bool sameLength)
    {
        using var job = new TestJob();
        int damaged = 0, reductions = 0;
        var pipeline = new FakePipeline
        {
            AfterBlock = (block, blob) =>
            {
                if (block.Stage.Kind == stage && block.Block == 2 && Interlocked.Exchange(ref damaged, 1) == 0)
                    job.Blobs.Write(blob.Uri["file:".Length..], stream => stream.Write(new byte[sameLength ? blob.Length : blob.Length - 1]));
            },
            BeforeReduction = (_, _) => Interlocked.Increment(ref reductions),
        };
        job.StartWorker(Sys, job.StartCoordinator(Sys, pipeline), pipeline, "w");

        Assert.Equal(Expected(1), await job.OutcomeAsync());
        Assert.Equal(3, reductions);
        Assert.Equal(1, (await job.Ended.Task).Retries);
        Assert.Equal(3 * TestJob.Blocks + 1, pipeline.Computed.Count);
        Shutdown();
    }

    [Fact]
    public async Task A_coordinator_says_how_far_its_job_is()
    {
        using var job = new TestJob(tensors: 2);
        using var reached = new ManualResetEventSlim();
        using var resume = new ManualResetEventSlim();
        var pipeline = new FakePipeline
        {
            BeforeBlock = (task, _) =>
            {
                if (task.Address is not { Tensor: 0, Stage.Kind: StageKind.Refine, Block: 3 })
                    return;
                reached.Set();
                resume.Wait(TimeSpan.FromSeconds(20));
            },
        };
        IActorRef coordinator = job.StartCoordinator(Sys, pipeline, new JobPolicy { TensorWindow = 1 });
        job.StartWorker(Sys, coordinator, pipeline, "w");
        Assert.True(reached.Wait(TimeSpan.FromSeconds(10)));
        StatusReported status = await coordinator.Ask<StatusReported>(RequestStatus.Instance, TimeSpan.FromSeconds(10));
        resume.Set();

        Assert.Null(status.End);
        Assert.Equal(("in", "out", 1), (status.Input, status.Output, status.Progress.Workers));
        TensorProgress tensor = status.Progress.Tensors[0];
        Assert.Equal(("t0", new StageId(StageKind.Refine, 0), TestJob.Blocks), (tensor.Name, tensor.Stage, tensor.Blocks));
        Assert.Equal(StageKind.Scan, status.Progress.Tensors[1].Stage.Kind);
        await job.OutcomeAsync();
        Assert.Equal(JobEnd.Done, (await coordinator.Ask<StatusReported>(RequestStatus.Instance, TimeSpan.FromSeconds(10))).End);
        Shutdown();
    }

    [Fact]
    public async Task A_worker_of_another_protocol_is_turned_away()
    {
        using var job = new TestJob();
        IActorRef coordinator = job.StartCoordinator(Sys, new FakePipeline());
        coordinator.Tell(new RegisterWorker(new WorkerId("old"), 1, 0, Protocol.Version + 1), TestActor);
        WorkerRejected rejected = await ExpectMsgAsync<WorkerRejected>();
        Assert.Contains("protocol", rejected.Reason);
        Shutdown();
    }

    [Fact]
    public async Task A_worker_that_asks_twice_to_be_let_in_keeps_the_block_it_was_given()
    {
        using var job = new TestJob();
        IActorRef coordinator = job.StartCoordinator(Sys, new FakePipeline());
        var (id, register) = (new WorkerId("w"), new RegisterWorker(new WorkerId("w"), 1, 0, Protocol.Version));
        coordinator.Tell(register, TestActor);
        WorkerAccepted accepted = await ExpectMsgAsync<WorkerAccepted>();
        IActorRef jobActor = LastSender;
        jobActor.Tell(new RequestWork(accepted.JobId, accepted.Epoch, id, 1), TestActor);
        await ExpectMsgAsync<AssignBlock>();
        coordinator.Tell(register, TestActor);
        await ExpectMsgAsync<WorkerAccepted>();

        StatusReported status = await coordinator.Ask<StatusReported>(RequestStatus.Instance, TimeSpan.FromSeconds(10));
        Assert.Equal((1, 0), (status.Progress.Workers, status.Progress.Retries));
        Shutdown();
    }

    [Fact]
    public async Task A_worker_that_finds_no_coordinator_ends_resumable()
    {
        using var job = new TestJob();
        (_, Task<WorkerEnd> end) = job.StartWorker(
            Sys, Sys.ActorSelection("/user/nobody"), new FakePipeline(), "w", giveUpAfter: TimeSpan.FromMilliseconds(300));
        Assert.Equal(ExitCode.Resumable, (await end.WaitAsync(TimeSpan.FromSeconds(10))).Code);
    }

    [Fact]
    public async Task A_worker_whose_coordinator_dies_ends_resumable()
    {
        using var job = new TestJob();
        using var begun = new ManualResetEventSlim();
        var pipeline = new FakePipeline
        {
            BeforeBlock = (_, context) =>
            {
                begun.Set();
                context.Cancellation.WaitHandle.WaitOne();
            },
        };
        IActorRef coordinator = job.StartCoordinator(Sys, pipeline);
        (_, Task<WorkerEnd> end) = job.StartWorker(Sys, coordinator, pipeline, "w");
        Assert.True(begun.Wait(TimeSpan.FromSeconds(10)));
        Sys.Stop(coordinator);
        WorkerEnd ended = await end.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(ExitCode.Resumable, ended.Code);
        Shutdown();
    }

    [Fact]
    public async Task Nothing_is_acknowledged_or_reduced_before_it_is_recorded()
    {
        var recorded = new HashSet<BlockAddress>();
        var unrecorded = new List<BlockAddress>();
        using var job = new TestJob
        {
            Log = new RecordingLog
            {
                BeforeAppend = records =>
                {
                    Thread.Sleep(30);
                    lock (recorded)
                        recorded.UnionWith(records.OfType<CommitRecord>().Select(r => new BlockAddress(r.Tensor, r.Stage, r.Block)));
                },
            },
        };
        var pipeline = new FakePipeline
        {
            BeforeReduction = (fit, results) =>
            {
                lock (recorded)
                    unrecorded.AddRange(Enumerable.Range(0, results.Count).Select(i => new BlockAddress(0, fit.Stage, i)).Where(block => !recorded.Contains(block)));
            },
        };
        job.StartWorker(Sys, job.StartCoordinator(Sys, pipeline), pipeline, "w", slots: 2);
        Assert.Equal(Expected(1), await job.OutcomeAsync());
        Assert.Empty(unrecorded);
        Assert.Equal(3 * TestJob.Blocks, job.Log.Records.OfType<CommitRecord>().Count());
        Assert.Equal(3, job.Log.Records.OfType<ReductionRecord>().Count());
        Shutdown();
    }

    [Theory]
    [InlineData(ExitCode.CannotWrite)]
    [InlineData(ExitCode.Resumable)]
    public async Task A_checkpoint_that_fails_stops_the_job_and_its_workers_wait_for_a_successor(ExitCode code)
    {
        int appended = 0;
        using var job = new TestJob
        {
            Log = new RecordingLog
            {
                BeforeAppend = _ =>
                {
                    if (Interlocked.Increment(ref appended) > 4)
                        throw new ClusterLpException(code, "no more");
                },
            },
        };
        var pipeline = new FakePipeline();
        (_, Task<WorkerEnd> end) = job.StartWorker(Sys, job.StartCoordinator(Sys, pipeline), pipeline, "w");
        JobState last = await job.Ended.Task.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(new JobEnd(code, "no more"), last.End);
        await Task.Delay(300);
        Assert.False(end.IsCompleted);
        Shutdown();
    }

    [Fact]
    public async Task A_basis_damaged_while_blocks_need_it_is_found_and_the_tensor_starts_over()
    {
        using var job = new TestJob();
        int damaged = 0;
        var pipeline = new FakePipeline
        {
            BeforeBlock = (task, _) =>
            {
                if (task.Parameters is FactoriseParameters { Basis: { } basis } && task.Address.Block == 3 && Interlocked.Exchange(ref damaged, 1) == 0)
                    job.Blobs.Write(basis.Uri["file:".Length..], stream => stream.Write(new byte[basis.Length]));
            },
        };
        job.StartWorker(Sys, job.StartCoordinator(Sys, pipeline), pipeline, "w");
        Assert.Equal(Expected(1), await job.OutcomeAsync());
        Assert.Single(job.Log.Records.OfType<RewindRecord>());
        Assert.Equal(1, (await job.Ended.Task).Tensors[0].Rewinds);
        Shutdown();
    }

    [Fact]
    public async Task A_coordinator_without_workers_finds_out_that_it_was_taken_over()
    {
        using var job = new TestJob();
        job.StartCoordinator(Sys, new FakePipeline());
        job.Log.TakenOver = new ClusterLpException(ExitCode.Resumable, "taken over");
        JobState last = await job.Ended.Task.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(new JobEnd(ExitCode.Resumable, "taken over"), last.End);
        Shutdown();
    }
}
