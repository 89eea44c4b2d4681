using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Messages.Wire;

namespace ClusterLp.Messages.Serialization;

/// <summary>A job's snapshot to and from its wire form.</summary>
internal static class StatusMapping
{
    public static StatusReportedWire ToWire(StatusReported m) => new()
    {
        Job = MessageMapping.Header(m), Input = m.Input, Output = m.Output, Host = m.Host, ProcessId = m.ProcessId,
        StartedTicks = m.Started.Ticks, ElapsedTicks = m.Elapsed.Ticks,
        Workers = m.Progress.Workers, BlocksCommitted = m.Progress.BlocksCommitted, Retries = m.Progress.Retries, BlocksKept = m.Progress.BlocksKept, Speculative = m.Progress.Speculative,
        Tensors = { m.Progress.Tensors.Select(ToWire) }, Members = { m.Progress.Members.Select(ToWire) }, Pace = ToWire(m.Pace),
        End = m.End is null ? null : new JobEndWire { Code = (int)m.End.Code, Reason = m.End.Reason },
    };

    public static StatusReported FromWire(StatusReportedWire w) => new(
        MessageMapping.Id(w.Job), MessageMapping.Term(w.Job), w.Input, w.Output, w.Host, w.ProcessId,
        new DateTime(w.StartedTicks, DateTimeKind.Utc), TimeSpan.FromTicks(w.ElapsedTicks),
        new JobProgress([.. w.Tensors.Select(FromWire)], w.Workers, w.BlocksCommitted, w.Retries, w.BlocksKept) { Speculative = w.Speculative, Members = [.. w.Members.Select(FromWire)] },
        w.End is null ? null : new JobEnd((ExitCode)w.End.Code, w.End.Reason), FromWire(w.Pace));

    private static WorkerProgressWire ToWire(WorkerProgress w) =>
        new() { Worker = w.Worker, Slots = w.Slots, BlocksLeased = w.BlocksLeased, BlocksCommitted = w.BlocksCommitted };

    private static WorkerProgress FromWire(WorkerProgressWire w) => new(w.Worker, w.Slots, w.BlocksLeased, w.BlocksCommitted);

    private static PaceWire? ToWire(JobPace? pace)
    {
        if (pace is null)
            return null;
        var wire = new PaceWire { Share = pace.Share };
        if (pace.RowsPerSecond is { } rate)
            wire.RowsPerSecond = rate;
        if (pace.RemainingSeconds is { } remaining)
            wire.RemainingSeconds = remaining;
        return wire;
    }

    private static JobPace? FromWire(PaceWire? w) =>
        w is null ? null : new JobPace(w.Share, w.HasRowsPerSecond ? w.RowsPerSecond : null, w.HasRemainingSeconds ? w.RemainingSeconds : null);

    private static TensorProgressWire ToWire(TensorProgress t)
    {
        var wire = new TensorProgressWire
        {
            Name = t.Name, Stage = (int)t.Stage.Kind, Round = t.Stage.Round, BlocksDone = t.BlocksDone, Blocks = t.Blocks,
            Reducing = t.Reducing, StageShare = t.StageShare,
        };
        if (t.AutoP is { } p)
            wire.AutoP = p;
        return wire;
    }

    private static TensorProgress FromWire(TensorProgressWire w) =>
        new(w.Name, new StageId((StageKind)w.Stage, w.Round), w.BlocksDone, w.Blocks, w.Reducing, w.StageShare, w.HasAutoP ? w.AutoP : null);
}
