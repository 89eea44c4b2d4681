using System.Collections.Immutable;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Jobs.State;
using CsCheck;

namespace ClusterLp.Core.Tests.Jobs.State;

/// <summary>Random histories of workers that come, go, hang, fail and repeat themselves.</summary>
public sealed class JobStateTests
{
    private const int Blocks = 5;
    private static readonly Epoch Term = new(1);

    [Fact]
    public void Every_block_is_committed_once_in_block_order_and_the_job_ends_whatever_happens_on_the_way() =>
        Gen.Select(Gen.Int[1, 3], Gen.Int[0, 8].Array[0, 120], Gen.Int[0, 1 << 20]).Sample((tensors, choices, seed) =>
        {
            var history = new History(tensors, seed);
            foreach (int choice in choices)
                history.Step(choice);
            history.RunToTheEnd();
            Assert.Equal(JobEnd.Done, history.State.End);
            Assert.Equal(2 * tensors, history.Reductions.Count);
            Assert.Equal(2 * tensors * Blocks, history.State.Committed);
            // Beyond its first, every hand-out of a block is a retry or a copy.
            Assert.Equal(history.Assigned, history.State.Committed + history.State.Retries + history.State.Speculative);
            ILookup<WorkKind, int> noted = history.State.Timeline.Spans.ToLookup(span => span.Kind, span => span.Blocks);
            Assert.Equal((history.State.Committed, 2 * tensors), (noted[WorkKind.Blocks].Sum(), noted[WorkKind.Reduction].Sum()));
            foreach (ReduceEffect reduction in history.Reductions)
                for (int block = 0; block < Blocks; block++)
                    Assert.Equal(block, ((CoresetFigures)reduction.Results[block].Figures).Rows);
        });

    [Fact]
    public void Reports_of_another_epoch_or_attempt_are_refused()
    {
        var history = new History(tensors: 1, seed: 0);
        var worker = new WorkerId("w0");
        history.Apply(new WorkerRegistered(worker, 1, TimeSpan.Zero));
        AssignEffect first = history.Apply(new WorkRequested(worker, 1, TimeSpan.Zero)).OfType<AssignEffect>().Single();
        foreach ((Epoch epoch, int attempt) in ((Epoch, int)[])[(new Epoch(0), 1), (Term, 2)])
        {
            var effects = history.Apply(new BlockDone(worker, first.Block, epoch, attempt, History.Result(first.Block, attempt), TimeSpan.Zero));
            Assert.False(effects.OfType<AcknowledgeEffect>().Single().Accepted);
        }
        Assert.Equal(0, history.State.Committed);
    }

    [Fact]
    public void A_silent_workers_lease_runs_out_and_its_late_result_does_not_count()
    {
        var history = new History(tensors: 1, seed: 0);
        var (slow, fast) = (new WorkerId("slow"), new WorkerId("fast"));
        history.Apply(new WorkerRegistered(slow, 1, TimeSpan.Zero));
        AssignEffect first = history.Apply(new WorkRequested(slow, 1, TimeSpan.Zero)).OfType<AssignEffect>().Single();
        history.Apply(new WorkerRegistered(fast, 1, TimeSpan.Zero));
        TimeSpan late = history.State.Policy.Lease;
        Assert.Contains(history.Apply(new LeaseTick(late)), effect => effect is CancelEffect { Attempt: 1 });
        AssignEffect second = history.Apply(new WorkRequested(fast, 1, late)).OfType<AssignEffect>().Single();
        Assert.Equal((first.Block, 2), (second.Block, second.Attempt));
        Assert.False(history.Apply(new BlockDone(slow, first.Block, Term, 1, History.Result(first.Block, 1), late)).OfType<AcknowledgeEffect>().Single().Accepted);
        Assert.Equal<IEnumerable<WorkerProgress>>([new WorkerProgress("fast", 1, 1, 0), new WorkerProgress("slow", 1, 0, 0)], history.State.Progress.Members);
        Assert.True(history.Apply(new BlockDone(fast, first.Block, Term, 2, History.Result(first.Block, 2), late)).OfType<AcknowledgeEffect>().Single().Accepted);
        Assert.Equal<IEnumerable<WorkerProgress>>([new WorkerProgress("fast", 1, 0, 1), new WorkerProgress("slow", 1, 0, 0)], history.State.Progress.Members);
    }

    [Fact]
    public void A_worker_whose_connection_broke_keeps_a_block_only_if_it_shows_progress_soon()
    {
        var history = new History(tensors: 1, seed: 0);
        (AssignEffect first, AssignEffect second) = (Assign(history, "back", TimeSpan.Zero), Assign(history, "gone", TimeSpan.Zero));
        TimeSpan grace = history.State.Policy.LeaseInDoubt, later = grace + TimeSpan.FromSeconds(1);
        history.Apply(new WorkerDoubted(first.Worker, TimeSpan.Zero));
        history.Apply(new WorkerDoubted(second.Worker, TimeSpan.Zero));
        history.Apply(new BlockProgressed(first.Worker, first.Block, Term, 1, 0.5, grace / 2));
        Assert.Equal(new CancelEffect(second.Worker, second.Block, 1), history.Apply(new LeaseTick(later)).OfType<CancelEffect>().Single());
        Assert.Equal(first.Block, history.State.Leases.Single().Block);
        // The block goes to the next who asks, and not to the silent one.
        AssignEffect again = Assign(history, "third", later);
        Assert.Equal((second.Block, 2), (again.Block, again.Attempt));
    }

    [Fact]
    public void A_request_that_overtakes_the_result_before_it_is_served_when_that_result_comes()
    {
        var history = new History(tensors: 1, seed: 0);
        AssignEffect first = Assign(history, "w", TimeSpan.Zero);
        Assert.Empty(history.Apply(new WorkRequested(first.Worker, 1, TimeSpan.Zero)).OfType<AssignEffect>());
        AssignEffect next = history.Apply(Done(first)).OfType<AssignEffect>().Single();
        Assert.Equal(first.Block with { Block = 1 }, next.Block);
    }

    [Fact]
    public void A_block_that_fails_everywhere_is_poison_but_not_before_a_second_worker_has_tried_it()
    {
        var history = new History(tensors: 1, seed: 0, new JobPolicy());
        AssignEffect tried = Assign(history, "a", TimeSpan.Zero), other = Assign(history, "b", TimeSpan.Zero);
        var failedOn = new List<string>();
        for (int round = 0; round < 20 && history.State.End is null; round++)
        {
            failedOn.Add(tried.Worker.Value);
            history.Apply(new BlockErred(
                tried.Worker, tried.Block, Term, tried.Attempt, FailureKind.Retryable, ExitCode.CannotWrite, "disk full", TimeSpan.Zero));
            // The one that failed asks again first; the other is busy until the block is kept for it.
            foreach (AssignEffect given in history.Apply(new WorkRequested(tried.Worker, 1, TimeSpan.Zero)).OfType<AssignEffect>())
                tried = given;
            if (failedOn.Count != 5)
                continue;
            Assert.NotEqual(0, tried.Block.Block);
            history.Apply(Done(other));
            tried = history.Apply(new WorkRequested(other.Worker, 1, TimeSpan.Zero)).OfType<AssignEffect>().Single();
            Assert.Equal((0, 6), (tried.Block.Block, tried.Attempt));
        }
        Assert.Equal(["a", "a", "a", "a", "a", "b"], failedOn);
        Assert.Equal(ExitCode.CannotWrite, history.State.End!.Code);
        Assert.Contains("failed 6 times on 2 worker(s), at last on b: disk full", history.State.End.Reason);
    }

    /// <summary>One worker holds the first block since the start; another has done all others, each in 2 s.</summary>
    private static (AssignEffect Slow, AssignEffect Fast, TimeSpan Now) AllButOneDone(History history)
    {
        AssignEffect slow = Assign(history, "slow", TimeSpan.Zero);
        TimeSpan now = TimeSpan.Zero;
        AssignEffect fast = Assign(history, "fast", now);
        for (int block = 1; block < Blocks; block++)
        {
            now += TimeSpan.FromSeconds(2);
            history.Apply(Done(fast) with { Now = now });
            fast = history.Apply(new WorkRequested(fast.Worker, 1, now)).OfType<AssignEffect>().SingleOrDefault() ?? fast;
        }
        return (slow, fast, now);
    }

    [Fact]
    public void An_idle_worker_gets_a_copy_of_a_slow_block_and_the_first_result_counts()
    {
        var history = new History(tensors: 1, seed: 0, new JobPolicy());
        (AssignEffect slow, AssignEffect fast, TimeSpan now) = AllButOneDone(history);
        // All others are done, each in 2 s: after twice that the slow one's block is given a second time, once.
        AssignEffect copy = history.Apply(new LeaseTick(now)).OfType<AssignEffect>().SingleOrDefault() ?? fast;
        Assert.Equal((slow.Block, 2, "fast"), (copy.Block, copy.Attempt, copy.Worker.Value));
        Assert.Empty(Effects<AssignEffect>(history.Apply(new WorkerRegistered(new WorkerId("third"), 1, now)).AddRange(
            history.Apply(new WorkRequested(new WorkerId("third"), 1, now)))));

        ImmutableArray<JobEffect> won = history.Apply(Done(copy) with { Now = now });
        Assert.True(Effects<AcknowledgeEffect>(won).Single().Accepted);
        Assert.Equal(new CancelEffect(slow.Worker, slow.Block, 1), Effects<CancelEffect>(won).Single());
        Assert.Single(Effects<ReduceEffect>(won));
        ImmutableArray<JobEffect> late = history.Apply(Done(slow) with { Now = now });
        Assert.False(Effects<AcknowledgeEffect>(late).Single().Accepted);
        Assert.Equal(Done(slow).Result.Blob, Effects<DropEffect>(late).Single().Blobs.Single());
        Assert.Equal((0, 1), (history.State.Retries, history.State.Speculative));
    }

    [Fact]
    public void A_block_is_no_retry_while_one_of_two_holders_is_left()
    {
        var history = new History(tensors: 1, seed: 0, new JobPolicy());
        (AssignEffect slow, AssignEffect fast, TimeSpan now) = AllButOneDone(history);
        history.Apply(new LeaseTick(now));
        Assert.Equal(2, history.State.Leases.Count());
        history.Apply(new WorkerLost(slow.Worker, "it died", Orderly: false, now));
        Assert.Equal((0, 1), (history.State.Retries, history.State.Speculative));
        history.Apply(new WorkerLost(fast.Worker, "it died too", Orderly: false, now));
        Assert.Equal((1, 1), (history.State.Retries, history.State.Speculative));
    }

    [Fact]
    public void A_worker_that_leaves_in_order_is_no_fault_of_its_block()
    {
        var history = new History(tensors: 1, seed: 0, new JobPolicy { MostFailures = 2 });
        for (int i = 0; i < 6; i++)
        {
            AssignEffect given = Assign(history, $"w{i}", TimeSpan.Zero);
            Assert.Equal((0, i + 1), (given.Block.Block, given.Attempt));
            history.Apply(new WorkerLost(given.Worker, "it stopped", Orderly: true, TimeSpan.Zero));
        }
        Assert.Null(history.State.End);
        Assert.Equal(6, history.State.Retries);
    }

    [Fact]
    public void A_tensor_starts_over_when_a_result_of_an_earlier_stage_is_lost_but_not_for_ever()
    {
        var history = new History(tensors: 1, seed: 0, new JobPolicy { MostRewinds = 1 });
        history.RunThroughStage();
        Assert.Equal(StageKind.Factorise, history.State.Tensors[0].Fit.Stage.Kind);
        AssignEffect held = Assign(history, "w", TimeSpan.Zero);
        var basis = new BlobRef("file:basis", 1, "");
        ImmutableArray<JobEffect> effects = history.Apply(new InputLost(0, held.Block.Stage, basis, "flipped", TimeSpan.Zero));
        Assert.Equal(new RewindRecord(0, basis.Uri), Effects<RecordEffect>(effects).Single().Record);
        Assert.Single(Effects<CancelEffect>(effects));
        // What was under way then does not count now, though its block's address is the same.
        Assert.False(Effects<AcknowledgeEffect>(history.Apply(Done(held))).Single().Accepted);
        history.Apply(new InputLost(0, held.Block.Stage, basis, "flipped", TimeSpan.Zero));
        Assert.Equal(StageKind.Scan, history.State.Tensors[0].Fit.Stage.Kind);

        history.RunThroughStage();
        history.Apply(new InputLost(0, held.Block.Stage, basis, "flipped", TimeSpan.Zero));
        Assert.Equal(ExitCode.Resumable, history.State.End!.Code);
        Assert.Contains("flipped", history.State.End.Reason);
    }

    private static IEnumerable<T> Effects<T>(ImmutableArray<JobEffect> effects) => effects.OfType<T>();

    private static AssignEffect Assign(History history, string worker, TimeSpan now)
    {
        history.Apply(new WorkerRegistered(new WorkerId(worker), 1, now));
        return history.Apply(new WorkRequested(new WorkerId(worker), 1, now)).OfType<AssignEffect>().Single();
    }

    private static BlockDone Done(AssignEffect assigned) => new(
        assigned.Worker, assigned.Block, Term, assigned.Attempt, History.Result(assigned.Block, assigned.Attempt), TimeSpan.Zero);

    /// <summary>A job with two stages a tensor, and a world of four workers around it.</summary>
    private sealed class History
    {
        private readonly Random _random;
        private readonly List<AssignEffect> _held = [];
        private readonly List<BlockDone> _told = [];
        private readonly Queue<ReduceEffect> _reducing = [];
        private TimeSpan _now;

        public History(int tensors, int seed, JobPolicy? policy = null)
        {
            _random = new Random(seed);
            var plans = Enumerable.Range(0, tensors).Select(i => new TensorPlan
            {
                Index = i, Name = $"t{i}", Rows = Blocks, Columns = 1, InputType = ElementType.F32, FactorType = ElementType.F32,
                BlockRows = 1, P = 1, Method = Method.Lp, Fit = Fit.Exact, Seed = 0, Input = "in",
            });
            var plan = new JobPlan(new JobId("j"), new JobSpec { Input = "in", Output = "out" }, [.. plans], []);
            // By default attempts are not limited: a history may lose a block's worker any number of times.
            State = JobState.Begin(plan, FitPipeline.Begin, Term, policy ?? new JobPolicy { MostFailures = int.MaxValue, TensorWindow = 2 });
        }

        public JobState State { get; private set; }
        public List<ReduceEffect> Reductions { get; } = [];
        public int Assigned => _held.Count;

        public static BlockResult Result(BlockAddress block, int attempt) =>
            new(new BlobRef($"file:{block}.{attempt}", 1, ""), new CoresetFigures(block.Block));

        public ImmutableArray<JobEffect> Apply(JobEvent cause)
        {
            (State, ImmutableArray<JobEffect> effects) = State.Apply(cause);
            foreach (JobEffect effect in effects)
            {
                if (effect is AssignEffect assign)
                    _held.Add(assign);
                if (effect is ReduceEffect reduce)
                {
                    Reductions.Add(reduce);
                    _reducing.Enqueue(reduce);
                }
            }
            // Two leases a block at most, of different workers, and never more leases than slots.
            Assert.All(State.Leases.GroupBy(held => held.Block), leases => Assert.Equal(leases.Count(), leases.Select(held => held.Lease.Worker).Distinct().Count()));
            Assert.All(State.Leases.GroupBy(held => held.Block), leases => Assert.InRange(leases.Count(), 1, 2));
            Assert.All(State.Workers, w => Assert.True(State.LeasesOf(w.Key).Count() <= w.Value.Slots));
            Assert.All(State.Leases, held => Assert.Contains(held.Lease.Worker, State.Workers.Keys));
            return effects;
        }

        public void Step(int choice)
        {
            var worker = new WorkerId($"w{_random.Next(4)}");
            _now += TimeSpan.FromSeconds(_random.Next(50));
            AssignEffect? held = _held.Count == 0 ? null : _held[_random.Next(_held.Count)];
            switch (choice)
            {
                case 0 when !State.Workers.ContainsKey(worker):
                    Apply(new WorkerRegistered(worker, 1 + _random.Next(2), _now));
                    break;
                case 1:
                    Apply(new WorkerLost(worker, "gone", false, _now));
                    break;
                case 2:
                    Apply(new WorkRequested(worker, 2, _now));
                    break;
                case 3 when held is not null:
                    var done = new BlockDone(held.Worker, held.Block, Term, held.Attempt, Result(held.Block, held.Attempt), _now);
                    _told.Add(done);
                    Apply(done);
                    break;
                case 4 when held is not null:
                    Apply(new BlockErred(held.Worker, held.Block, Term, held.Attempt, FailureKind.Retryable, ExitCode.Internal, "failed", _now));
                    break;
                case 5:
                    Apply(new LeaseTick(_now));
                    break;
                case 6 when _told.Count > 0:
                    Apply(_told[_random.Next(_told.Count)] with { Now = _now });
                    break;
                case 7:
                    FinishReduction();
                    break;
                case 8:
                    Apply(new WorkerDoubted(worker, _now));
                    break;
            }
        }

        /// <summary>From here on one worker stays and does its work.</summary>
        public void RunToTheEnd()
        {
            for (int i = 0; i < 4; i++)
                Apply(new WorkerLost(new WorkerId($"w{i}"), "gone", false, _now));
            var steady = new WorkerId("steady");
            Apply(new WorkerRegistered(steady, 1, _now));
            for (int round = 0; State.End is null && round < 1000; round++)
            {
                FinishReduction();
                foreach (AssignEffect assign in Apply(new WorkRequested(steady, 1, _now)).OfType<AssignEffect>())
                    Apply(new BlockDone(steady, assign.Block, Term, assign.Attempt, Result(assign.Block, assign.Attempt), _now));
            }
        }

        /// <summary>One worker computes the stage that is due, and leaves.</summary>
        public void RunThroughStage()
        {
            var worker = new WorkerId("stage");
            Apply(new WorkerRegistered(worker, 1, _now));
            while (_reducing.Count == 0)
                foreach (AssignEffect assign in Apply(new WorkRequested(worker, 1, _now)).OfType<AssignEffect>())
                    Apply(new BlockDone(worker, assign.Block, Term, assign.Attempt, Result(assign.Block, assign.Attempt), _now));
            Apply(new WorkerLost(worker, "it stopped", true, _now));
            FinishReduction();
        }

        private void FinishReduction()
        {
            if (!_reducing.TryDequeue(out ReduceEffect? reduce))
                return;
            StageKind next = reduce.Fit.Stage.Kind == StageKind.Scan ? StageKind.Factorise : StageKind.Done;
            Apply(new ReductionDone(reduce.Plan.Index, reduce.Fit.Stage, reduce.Fit with { Stage = new StageId(next, 0) }, _now));
        }
    }
}
