using System.Collections.Immutable;
using System.Text.Json.Serialization;
using ClusterLp.Core.Jobs.State;

namespace ClusterLp.Core.Jobs.Checkpoints;

/// <summary>One line of a journal: something that counts from now on, whatever is killed.</summary>
[JsonDerivedType(typeof(CommitRecord), "commit")]
[JsonDerivedType(typeof(ReductionRecord), "reduction")]
[JsonDerivedType(typeof(RewindRecord), "rewind")]
public abstract record CheckpointRecord;

/// <summary>A block's result is committed.</summary>
public sealed record CommitRecord(int Tensor, StageId Stage, int Block, int Attempt, BlockResult Result) : CheckpointRecord
{
    /// <summary>Who computed it when; null in a snapshot, which holds the timeline whole.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public WorkSpan? Span { get; init; }
}

/// <summary>A stage is reduced; the tensor goes on with <paramref name="Next"/>.</summary>
public sealed record ReductionRecord(int Tensor, StageId Stage, FitState Next) : CheckpointRecord
{
    /// <summary>How long it took.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public WorkSpan? Span { get; init; }
}

/// <summary>A tensor starts over because <paramref name="Blob"/> was damaged.</summary>
public sealed record RewindRecord(int Tensor, string Blob) : CheckpointRecord;

/// <summary>A job's state whole: the contents of a snapshot.</summary>
/// <param name="Job">Whose it is.</param>
/// <param name="Epoch">Who wrote it.</param>
/// <param name="Committed">Blocks committed so far, finished stages included.</param>
/// <param name="Tensors">In plan order.</param>
public sealed record Checkpoint(string Job, long Epoch, int Committed, ImmutableArray<TensorCheckpoint> Tensors)
{
    /// <summary>Who did what so far.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public TimelineCheckpoint? Timeline { get; init; }
}

/// <param name="Fit">The stage that is due.</param>
/// <param name="Before">Once the tensor is done: the fit its last stage began with.</param>
/// <param name="Rewinds">Times the tensor was started over.</param>
/// <param name="Blocks">The stage's committed blocks.</param>
public sealed record TensorCheckpoint(FitState Fit, FitState? Before, int Rewinds, ImmutableArray<CommitRecord> Blocks);
