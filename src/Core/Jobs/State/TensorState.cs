using System.Collections.Immutable;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Checkpoints;

namespace ClusterLp.Core.Jobs.State;

/// <summary>One tensor of a job: its fit so far and the blocks of the stage that is due.</summary>
/// <param name="Fit">The stage that is due and what it needs.</param>
/// <param name="Blocks">In row order; once the tensor is done, the last stage's.</param>
/// <param name="Reducing">All blocks are committed and their reduction has been started.</param>
public sealed record TensorState(TensorPlan Plan, FitState Fit, BlockTable Blocks, bool Reducing)
{
    /// <summary>Where a rewound tensor starts again.</summary>
    public required FitState Start { get; init; }

    /// <summary>Once the tensor is done: the fit its last stage began with, should one of its blocks be lost.</summary>
    public FitState? Before { get; init; }

    /// <summary>When the reduction was started.</summary>
    public TimeSpan ReducingSince { get; init; }

    /// <summary>Times the tensor was set back to its start.</summary>
    public int Rewinds { get; init; }

    /// <summary>
    /// In the joint fit, the worker that computed each block in the stage before: it remembers the block's state. Empty
    /// elsewhere; null where nobody is known.
    /// </summary>
    public ImmutableArray<WorkerId?> Homes { get; init; } = [];

    /// <summary>The tensor before its first block.</summary>
    public static TensorState Begin(TensorPlan plan, FitState start) =>
        new(plan, start, Fresh(plan, start, 0), Reducing: false) { Start = start };

    /// <summary>The tensor at the beginning of the stage that <paramref name="next"/> names, or done.</summary>
    public TensorState Advance(FitState next) => next.IsDone
        ? this with { Fit = next, Before = Fit, Reducing = false }
        : this with
        {
            Fit = next, Before = null, Blocks = Fresh(Plan, next, Rewinds), Reducing = false,
            Homes = next.Stage.Kind == StageKind.Joint ? [.. Blocks.Select(block => (block as CommittedBlock)?.Worker)] : [],
        };

    /// <summary>The tensor at its start again; names of blobs written before are not used again.</summary>
    public TensorState Rewind() =>
        Begin(Plan, Start) with { Rewinds = Rewinds + 1, Blocks = Fresh(Plan, Start, Rewinds + 1) };

    /// <summary>The last stage open again, all its blocks committed still.</summary>
    public TensorState Reopen() => Before is null ? this : this with { Fit = Before, Before = null };

    public BlockAddress Address(int block) => new(Plan.Index, Fit.Stage, block);

    public bool AllCommitted => !Fit.IsDone && Fit.Stage.Kind != StageKind.Allot && Blocks.Committed == Blocks.Count;

    /// <summary>Scanned, and without a rank until all that share the budget are.</summary>
    public bool AwaitsRank => Fit.Stage.Kind == StageKind.Allot && !Reducing;

    /// <summary>Results in block order; every block must be committed.</summary>
    public ImmutableArray<BlockResult> Results => [.. Blocks.Select(block => ((CommittedBlock)block).Result)];

    public TensorState With(int block, BlockState state) => this with { Blocks = Blocks.With(block, state) };

    /// <summary>The block of this stage whose committed result is the blob; -1 if none is.</summary>
    public int IndexOf(BlobRef blob)
    {
        int at = 0;
        foreach (BlockState block in Blocks)
        {
            if (block is CommittedBlock committed && committed.Result.Blob.Uri == blob.Uri)
                return at;
            at++;
        }
        return -1;
    }

    /// <summary>The snapshot people are shown.</summary>
    public TensorProgress Progress
    {
        get
        {
            // Who waits for a rank has no blocks, and is shown with those of its scan.
            int count = Plan.Partition.Count;
            int done = Fit.IsDone || Fit.Stage.Kind == StageKind.Allot ? count : Blocks.Committed;
            double parts = done + Blocks.Leased.Sum(block => ((LeasedBlock)Blocks[block]).Leases.Max(lease => lease.Share));
            return new TensorProgress(Plan.Name, Fit.Stage, done, count, Reducing, Math.Min(1, parts / count), Fit.Power?.P);
        }
    }

    private static BlockTable Fresh(TensorPlan plan, FitState fit, int rewinds)
    {
        const int attemptsOfOneTurn = 1_000_000;
        return BlockTable.Fresh(fit.Stage.Kind == StageKind.Allot ? 0 : plan.Partition.Count, PendingBlock.First with { Attempts = rewinds * attemptsOfOneTurn });
    }
}
