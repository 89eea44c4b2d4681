using System.Collections.Immutable;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.Jobs.State;

/// <summary>One tensor of a job: its fit so far and the blocks of the stage that is due.</summary>
/// <param name="Blocks">In row order; empty once the tensor is done.</param>
/// <param name="Reducing">All blocks are committed and their reduction has been started.</param>
public sealed record TensorState(TensorPlan Plan, FitState Fit, ImmutableArray<BlockState> Blocks, bool Reducing)
{
    /// <summary>The tensor at the beginning of the stage that <paramref name="fit"/> names.</summary>
    public static TensorState At(TensorPlan plan, FitState fit) =>
        new(plan, fit, fit.IsDone ? [] : [.. Enumerable.Repeat<BlockState>(PendingBlock.First, plan.Partition.Count)], Reducing: false);

    public BlockAddress Address(int block) => new(Plan.Index, Fit.Stage, block);

    public bool AllCommitted => Blocks.All(block => block is CommittedBlock);

    /// <summary>Results in block order; every block must be committed.</summary>
    public ImmutableArray<BlockResult> Results => [.. Blocks.Select(block => ((CommittedBlock)block).Result)];

    public TensorState With(int block, BlockState state) => this with { Blocks = Blocks.SetItem(block, state) };

    /// <summary>The block of this stage whose committed result is the blob; -1 if none is.</summary>
    public int IndexOf(BlobRef blob)
    {
        for (int i = 0; i < Blocks.Length; i++)
            if (Blocks[i] is CommittedBlock committed && committed.Result.Blob.Uri == blob.Uri)
                return i;
        return -1;
    }

    /// <summary>The snapshot people are shown.</summary>
    public TensorProgress Progress
    {
        get
        {
            int count = Plan.Partition.Count;
            int done = Fit.IsDone ? count : Blocks.Count(block => block is CommittedBlock);
            double parts = done + Blocks.Sum(block => block is LeasedBlock leased ? leased.Share : 0);
            return new TensorProgress(Plan.Name, Fit.Stage, done, count, Reducing, Math.Min(1, parts / count));
        }
    }
}
