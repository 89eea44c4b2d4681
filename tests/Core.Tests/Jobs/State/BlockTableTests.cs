using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.State;
using CsCheck;

namespace ClusterLp.Core.Tests.Jobs.State;

public sealed class BlockTableTests
{
    private static readonly TimeSpan Long = TimeSpan.FromHours(1);

    /// <summary>Whatever becomes of the blocks, in whatever order: the sets and the count say what the blocks themselves do.</summary>
    [Fact]
    public void Sets_and_count_are_those_of_the_blocks() => Gen.Int[1, 40].SelectMany(count =>
        Gen.Select(Gen.Const(count), Gen.Select(Gen.Int[0, count - 1], Gen.Int[0, 2]).Array[0, 200])).Sample((count, changes) =>
    {
        var states = new BlockState[count];
        Array.Fill(states, PendingBlock.First);
        BlockTable table = BlockTable.Fresh(count, PendingBlock.First);
        foreach ((int block, int kind) in changes)
        {
            states[block] = kind switch
            {
                0 => PendingBlock.First with { Attempts = block },
                1 => new LeasedBlock(1, 0, [], [new Lease(new WorkerId("w"), 1, default, Long, 0)]),
                _ => new CommittedBlock(1, 0, [], new WorkerId("w"), 1, null, Result(block)),
            };
            table = table.With(block, states[block]);
        }
        Assert.Equal(states, table);
        Assert.Equal(Enumerable.Range(0, count).Where(i => states[i] is PendingBlock), [.. table.Pending]);
        Assert.Equal(Enumerable.Range(0, count).Where(i => states[i] is LeasedBlock), [.. table.Leased]);
        Assert.Equal(states.Count(state => state is CommittedBlock), table.Committed);
    });

    /// <summary>
    /// A block's whole course (asked for, given, moved on, done) costs a job of a hundred times the blocks little more: what
    /// it allocates grows with their logarithm.
    /// </summary>
    [Fact]
    public void An_event_costs_the_same_in_a_job_of_many_blocks()
    {
        long few = BytesOfACourse(1_000), many = BytesOfACourse(100_000);
        Assert.True(many < 2 * few, $"{few} bytes with 1,000 blocks, {many} with 100,000");
    }

    private static long BytesOfACourse(int blocks)
    {
        var worker = new WorkerId("w");
        JobState state = Apply(Job(blocks), new WorkerRegistered(worker, 1, default));
        Course(0);
        const int courses = 100;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int block = 1; block <= courses; block++)
            Course(block);
        return (GC.GetAllocatedBytesForCurrentThread() - before) / courses;

        void Course(int block)
        {
            state = Apply(state, new WorkRequested(worker, 1, default));
            var address = new BlockAddress(0, state.Tensors[0].Fit.Stage, block);
            state = Apply(state, new BlockProgressed(worker, address, state.Epoch, 1, 0.5, default));
            state = Apply(state, new LeaseTick(default));
            _ = state.Progress;
            state = Apply(state, new BlockDone(worker, address, state.Epoch, 1, Result(block), default));
            Assert.Equal(block + 1, state.Committed);
        }
    }

    private static JobState Apply(JobState state, JobEvent cause) => state.Apply(cause).State;

    private static BlockResult Result(int block) => new(new BlobRef($"file:{block}", 1, ""), new CoresetFigures(block));

    private static JobState Job(int blocks)
    {
        var tensor = new TensorPlan
        {
            Index = 0, Name = "t", Rows = blocks, Columns = 4, InputType = ElementType.F32, FactorType = ElementType.F32, BlockRows = 1, Rank = 2, P = 1.5,
            Method = Method.Lp, Fit = Fit.Exact, Seed = 0, Input = "none",
        };
        var plan = new JobPlan(new JobId("j"), new JobSpec { Input = "none", Output = "out", Rank = 2 }, [tensor], []);
        return JobState.Begin(plan, FitPipeline.Begin, new Epoch(1), new JobPolicy { Lease = Long });
    }
}
