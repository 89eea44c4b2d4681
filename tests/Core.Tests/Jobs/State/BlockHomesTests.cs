using System.Collections.Immutable;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.State;

namespace ClusterLp.Core.Tests.Jobs.State;

/// <summary>In the joint rounds blocks go back to the workers that remember them, as long as these can take them.</summary>
public sealed class BlockHomesTests
{
    private const int Blocks = 8;
    private static readonly WorkerId A = new("a"), B = new("b"), C = new("c");
    private static readonly Epoch Term = new(1);
    private readonly Queue<AssignEffect> _held = [];
    private JobState _state = Begin();

    [Fact]
    public void Every_round_gives_each_worker_the_blocks_it_had_whoever_asks_first()
    {
        Join(A, B);
        Dictionary<int, WorkerId> first = Round(0, A, B);
        Assert.Equal([4, 4], first.Values.GroupBy(worker => worker).Select(group => group.Count()));
        for (int round = 1; round < 6; round++)
            Assert.Equal(first, round % 2 == 1 ? Round(round, B, A) : Round(round, A, B));
    }

    [Fact]
    public void A_worker_that_joins_gets_its_share_once_and_keeps_it()
    {
        Join(A, B);
        Dictionary<int, WorkerId> before = Round(0, A, B);
        Join(C);
        Dictionary<int, WorkerId> after = Round(1, C, A, B);
        // 8 blocks of three workers: at most 3 each.
        Assert.Equal(2, after.Values.Count(worker => worker == C));
        Assert.All(after.Where(block => block.Value != C), block => Assert.Equal(before[block.Key], block.Value));
        for (int round = 2; round < 6; round++)
            Assert.Equal(after, Round(round, B, C, A));
    }

    [Fact]
    public void Blocks_of_a_worker_that_is_gone_go_to_the_others()
    {
        Join(A, B);
        Dictionary<int, WorkerId> before = Round(0, A, B);
        Apply(new WorkerLost(A, "gone", false, TimeSpan.Zero));
        Dictionary<int, WorkerId> after = Round(1, B);
        Assert.All(after.Values, worker => Assert.Equal(B, worker));
        Assert.Contains(A, before.Values);
    }

    [Fact]
    public void A_worker_that_neither_asks_nor_computes_holds_nothing_up()
    {
        Join(A, B);
        Round(0, A, B);
        Apply(new WorkerDoubted(A, TimeSpan.Zero));
        Apply(new LeaseTick(TimeSpan.FromSeconds(10)));
        Assert.All(Round(1, B).Values, worker => Assert.Equal(B, worker));
    }

    /// <summary>All blocks of a joint round, workers asking in this order; who computed which. Then on to the next round.</summary>
    private Dictionary<int, WorkerId> Round(int round, params WorkerId[] workers)
    {
        var by = new Dictionary<int, WorkerId>();
        foreach (WorkerId worker in workers)
            Ask(worker);
        while (_held.TryDequeue(out AssignEffect? assign))
        {
            // Who is lost or silent loses what it had been given.
            if (!_state.LeasesOf(assign.Worker).Any(held => held.Block == assign.Block && held.Lease.Attempt == assign.Attempt))
                continue;
            by.Add(assign.Block.Block, assign.Worker);
            var result = new BlockResult(new BlobRef($"file:{assign.Block}", 1, ""), new JointFigures(1));
            Apply(new BlockDone(assign.Worker, assign.Block, Term, assign.Attempt, result, TimeSpan.Zero));
            Ask(assign.Worker);
        }
        Assert.Equal(Blocks, by.Count);
        FitState fit = _state.Tensors[0].Fit;
        Apply(new ReductionDone(0, fit.Stage, fit with { Stage = new StageId(StageKind.Joint, round + 1) }, TimeSpan.Zero));
        return by;

        void Ask(WorkerId worker) => Apply(new WorkRequested(worker, 1, TimeSpan.Zero));
    }

    private void Join(params WorkerId[] workers)
    {
        foreach (WorkerId worker in workers)
            Apply(new WorkerRegistered(worker, 1, TimeSpan.Zero));
    }

    private void Apply(JobEvent cause)
    {
        (_state, ImmutableArray<JobEffect> effects) = _state.Apply(cause);
        foreach (AssignEffect assign in effects.OfType<AssignEffect>())
            _held.Enqueue(assign);
    }

    private static JobState Begin()
    {
        var tensor = new TensorPlan
        {
            Index = 0, Name = "t", Rows = Blocks, Columns = 1, InputType = ElementType.F32, FactorType = ElementType.F32, BlockRows = 1,
            P = 1, Method = Method.Lp, Fit = Fit.Joint, Seed = 0, Input = "in",
        };
        var plan = new JobPlan(new JobId("j"), new JobSpec { Input = "in", Output = "out" }, [tensor], []);
        return JobState.Begin(plan, p => FitPipeline.Begin(p) with { Stage = new StageId(StageKind.Joint, 0) }, Term, new JobPolicy());
    }
}
