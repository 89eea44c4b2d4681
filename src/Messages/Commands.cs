using ClusterLp.Core.Jobs;

namespace ClusterLp.Messages;

/// <summary>Worker to coordinator: the first word.</summary>
/// <param name="Slots">Blocks the worker computes at once, 1 or more.</param>
/// <param name="MemoryBytes">Memory the worker may use, for the log.</param>
public sealed record RegisterWorker(WorkerId WorkerId, int Slots, long MemoryBytes, int ProtocolVersion) : IWireMessage;

/// <summary>Worker to job: <paramref name="FreeSlots"/> slots stand idle. May be repeated; it replaces the one before.</summary>
public sealed record RequestWork(JobId JobId, Epoch Epoch, WorkerId WorkerId, int FreeSlots) : IJobMessage;

/// <summary>Anybody to coordinator: how far is the job? Answered by <see cref="StatusReported"/>.</summary>
public sealed record RequestStatus : IWireMessage
{
    public static readonly RequestStatus Instance = new();
}

/// <summary>Job to worker: compute this block. The stage is told by <see cref="BlockTask.Parameters"/>.</summary>
/// <param name="TraceParent">The stage's span (W3C Trace Context), if the job is traced.</param>
public sealed record AssignBlock(JobId JobId, Epoch Epoch, int Attempt, BlockTask Task, string? TraceParent = null) : IJobMessage;

/// <summary>Job to worker: stop this block, its lease is gone.</summary>
public sealed record CancelBlock(JobId JobId, Epoch Epoch, BlockAddress Block, int Attempt) : IJobMessage;
