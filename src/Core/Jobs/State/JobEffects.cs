using System.Collections.Immutable;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Checkpoints;

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
/// <param name="Rewinds">Times the tensor was started over: names what the reduction writes apart.</param>
public sealed record ReduceEffect(TensorPlan Plan, FitState Fit, int Rewinds, ImmutableArray<BlockResult> Results) : JobEffect;

/// <summary>Record this durably before any later effect is performed.</summary>
public sealed record RecordEffect(CheckpointRecord Record) : JobEffect;

/// <summary>A stage ended: write the state whole; blobs in <paramref name="Superseded"/> are no longer needed by it.</summary>
public sealed record SnapshotEffect(ImmutableArray<BlobRef> Superseded) : JobEffect;

/// <summary>Delete blobs nobody will read.</summary>
public sealed record DropEffect(ImmutableArray<BlobRef> Blobs) : JobEffect;

/// <summary>The job is over; comes once.</summary>
public sealed record FinishEffect(JobEnd End) : JobEffect;

/// <summary>How a job ended. <paramref name="Reason"/> is empty where <paramref name="Code"/> is Done.</summary>
public sealed record JobEnd(ExitCode Code, string Reason)
{
    public static readonly JobEnd Done = new(ExitCode.Done, "");

    /// <summary>Another coordinator may go on with the job: workers are not dismissed, but left to find it.</summary>
    public bool MayResume => Code is ExitCode.Resumable or ExitCode.CannotWrite or ExitCode.Interrupted;
}
