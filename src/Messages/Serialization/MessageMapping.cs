using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Messages.Wire;

namespace ClusterLp.Messages.Serialization;

/// <summary>Messages to and from their wire form, field by field.</summary>
internal static class MessageMapping
{
    public static RegisterWorkerWire ToWire(RegisterWorker m) =>
        new() { Worker = m.WorkerId.Value, Slots = m.Slots, MemoryBytes = m.MemoryBytes, ProtocolVersion = m.ProtocolVersion };

    public static RegisterWorker FromWire(RegisterWorkerWire w) => new(new WorkerId(w.Worker), w.Slots, w.MemoryBytes, w.ProtocolVersion);

    public static WorkerAcceptedWire ToWire(WorkerAccepted m)
    {
        var wire = new WorkerAcceptedWire { Job = Header(m), JobDirectory = m.JobDirectory };
        if (m.BlobEndpoint is { } endpoint)
            wire.BlobEndpoint = endpoint;
        return wire;
    }

    public static WorkerAccepted FromWire(WorkerAcceptedWire w) => new(Id(w.Job), Term(w.Job), w.JobDirectory, w.HasBlobEndpoint ? w.BlobEndpoint : null);

    public static WorkerRejectedWire ToWire(WorkerRejected m) => new() { Reason = m.Reason };

    public static WorkerRejected FromWire(WorkerRejectedWire w) => new(w.Reason);

    public static RequestWorkWire ToWire(RequestWork m) => new() { Job = Header(m), Worker = m.WorkerId.Value, FreeSlots = m.FreeSlots };

    public static RequestWork FromWire(RequestWorkWire w) => new(Id(w.Job), Term(w.Job), new WorkerId(w.Worker), w.FreeSlots);

    public static AssignBlockWire ToWire(AssignBlock m)
    {
        var wire = new AssignBlockWire { Job = Header(m), Attempt = m.Attempt, Task = TaskMapping.ToWire(m.Task) };
        if (m.TraceParent is { } parent)
            wire.TraceParent = parent;
        return wire;
    }

    public static AssignBlock FromWire(AssignBlockWire w) =>
        new(Id(w.Job), Term(w.Job), w.Attempt, TaskMapping.FromWire(w.Task), w.HasTraceParent ? w.TraceParent : null);

    public static CancelBlockWire ToWire(CancelBlock m) => new() { Job = Header(m), Block = TaskMapping.ToWire(m.Block), Attempt = m.Attempt };

    public static CancelBlock FromWire(CancelBlockWire w) => new(Id(w.Job), Term(w.Job), TaskMapping.FromWire(w.Block), w.Attempt);

    public static BlockProgressWire ToWire(BlockProgress m) =>
        new() { Job = Header(m), Worker = m.WorkerId.Value, Block = TaskMapping.ToWire(m.Block), Attempt = m.Attempt, Share = m.Share };

    public static BlockProgress FromWire(BlockProgressWire w) =>
        new(Id(w.Job), Term(w.Job), new WorkerId(w.Worker), TaskMapping.FromWire(w.Block), w.Attempt, w.Share);

    public static BlockComputedWire ToWire(BlockComputed m) => new()
    {
        Job = Header(m), Worker = m.WorkerId.Value, Block = TaskMapping.ToWire(m.Block), Attempt = m.Attempt, Result = FigureMapping.ToWire(m.Result),
    };

    public static BlockComputed FromWire(BlockComputedWire w) =>
        new(Id(w.Job), Term(w.Job), new WorkerId(w.Worker), TaskMapping.FromWire(w.Block), w.Attempt, FigureMapping.FromWire(w.Result));

    public static BlockFailedWire ToWire(BlockFailed m) => new()
    {
        Job = Header(m), Worker = m.WorkerId.Value, Block = TaskMapping.ToWire(m.Block), Attempt = m.Attempt,
        Kind = (int)m.Kind, Code = (int)m.Code, Detail = m.Detail, Corrupt = m.Corrupt is null ? null : TaskMapping.ToWire(m.Corrupt),
    };

    public static BlockFailed FromWire(BlockFailedWire w) => new(
        Id(w.Job), Term(w.Job), new WorkerId(w.Worker), TaskMapping.FromWire(w.Block), w.Attempt, (FailureKind)w.Kind, (ExitCode)w.Code, w.Detail,
        w.Corrupt is null ? null : TaskMapping.FromWire(w.Corrupt));

    public static BlockCommittedWire ToWire(BlockCommitted m) =>
        new() { Job = Header(m), Block = TaskMapping.ToWire(m.Block), Attempt = m.Attempt, Accepted = m.Accepted };

    public static BlockCommitted FromWire(BlockCommittedWire w) =>
        new(Id(w.Job), Term(w.Job), TaskMapping.FromWire(w.Block), w.Attempt, w.Accepted);

    public static NoWorkWire ToWire(NoWork m) => new() { Job = Header(m), RetryAfterTicks = m.RetryAfter.Ticks };

    public static NoWork FromWire(NoWorkWire w) => new(Id(w.Job), Term(w.Job), TimeSpan.FromTicks(w.RetryAfterTicks));

    public static JobFinishedWire ToWire(JobFinished m) => new() { Job = Header(m), Code = (int)m.Code, Reason = m.Reason };

    public static JobFinished FromWire(JobFinishedWire w) => new(Id(w.Job), Term(w.Job), (ExitCode)w.Code, w.Reason);

    internal static JobHeader Header(IJobMessage message) => new() { Id = message.JobId.Value, Epoch = message.Epoch.Value };

    internal static JobId Id(JobHeader header) => new(header.Id);

    internal static Epoch Term(JobHeader header) => new(header.Epoch);
}
