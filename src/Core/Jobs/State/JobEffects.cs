using System.Collections.Immutable;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.Jobs.State;

/// <summary>Something the owner of a <see cref="JobState"/> must now do.</summary>
public abstract record JobEffect;

/// <summary>Send the block to the worker; its lease has begun.</summary>
public sealed record AssignEffect(WorkerId Worker, BlockAddress Block, int Attempt) : JobEffect;

/// <summary>Tell the worker its report is dealt with: it need not repeat it. Not accepted: another attempt counts.</summary>
public sealed record AcknowledgeEffect(WorkerId Worker, BlockAddress Block, int Attempt, bool Accepted) : JobEffect;

/// <summary>Tell the worker to stop: its lease is gone.</summary>
public sealed record CancelEffect(WorkerId Worker, BlockAddress Block, int Attempt) : JobEffect;

/// <summary>Nothing to hand out now.</summary>
public sealed record NoWorkEffect(WorkerId Worker, TimeSpan RetryAfter) : JobEffect;

/// <summary>Reduce a stage all of whose blocks are committed; <paramref name="Results"/> in block order.</summary>
public sealed record ReduceEffect(TensorPlan Plan, FitState Fit, ImmutableArray<BlockResult> Results) : JobEffect;

/// <summary>Delete blobs nobody will read.</summary>
public sealed record DropEffect(ImmutableArray<BlobRef> Blobs) : JobEffect;

/// <summary>The job is over; comes once.</summary>
public sealed record FinishEffect(JobEnd End) : JobEffect;

/// <summary>How a job ended. <paramref name="Reason"/> is empty where <paramref name="Code"/> is Done.</summary>
public sealed record JobEnd(ExitCode Code, string Reason)
{
    public static readonly JobEnd Done = new(ExitCode.Done, "");
}
