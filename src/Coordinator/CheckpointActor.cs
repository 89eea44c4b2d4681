using System.Collections.Immutable;
using System.Diagnostics;
using Akka.Actor;
using Akka.Event;
using ClusterLp.Core;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.Telemetry;

namespace ClusterLp.Coordinator;

/// <summary>The only writer of a job's checkpoint, on a thread of its own: a shared volume may be slow to flush.</summary>
internal sealed class CheckpointActor : UntypedActor
{
    private readonly ICheckpointLog _log;
    private readonly IActorRef _job = Context.Parent;
    private readonly ILoggingAdapter _logger = Context.GetLogger();
    private readonly WorkThread _thread = new("checkpoint");

    public CheckpointActor(ICheckpointLog log) => _log = log;

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Write write:
                _thread.Post(_ =>
                {
                    long begun = Stopwatch.GetTimestamp();
                    JobEnd? failure = Failure(() => Perform(_log, write), _logger);
                    Instruments.CheckpointWritten(Stopwatch.GetElapsedTime(begun));
                    _job.Tell(failure is { } why ? new Failed(why) : new Written(write.Entries.Length));
                });
                break;
            case LookForSuccessor:
                _thread.Post(_ =>
                {
                    if (Failure(_log.EnsureOwned, _logger) is { } why)
                        _job.Tell(new Failed(why));
                });
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    /// <summary>
    /// Has another coordinator taken the job over? Answered by <see cref="Failed"/> if so. One that has lost its workers
    /// writes nothing, and would never find out.
    /// </summary>
    internal sealed record LookForSuccessor : INoSerializationVerificationNeeded
    {
        public static readonly LookForSuccessor Instance = new();
    }

    /// <summary>Something to write: records, or with <paramref name="Snapshot"/> the state whole.</summary>
    internal sealed record Entry(CheckpointRecord? Record, JobState? Snapshot, ImmutableArray<BlobRef> Superseded);

    /// <summary>Write these in order; answered to the parent by <see cref="Written"/> or <see cref="Failed"/>.</summary>
    internal sealed record Write(ImmutableArray<Entry> Entries) : INoSerializationVerificationNeeded;

    internal sealed record Written(int Entries) : INoSerializationVerificationNeeded;

    internal sealed record Failed(JobEnd Why) : INoSerializationVerificationNeeded;

    protected override void PostStop() => _thread.Dispose();

    private static void Perform(ICheckpointLog log, Write write)
    {
        var records = new List<CheckpointRecord>();
        foreach (Entry entry in write.Entries)
        {
            if (entry.Record is { } record)
                records.Add(record);
            if (entry.Snapshot is not { } state)
                continue;
            Append();
            log.Snapshot(state, entry.Superseded);
        }
        Append();

        void Append()
        {
            if (records.Count > 0)
                log.Append(records);
            records.Clear();
        }
    }

    /// <summary>How the job must end because of what the action met; null where it succeeded.</summary>
    private static JobEnd? Failure(Action action, ILoggingAdapter logger)
    {
        try
        {
            action();
            return null;
        }
        catch (ClusterLpException e)
        {
            return new JobEnd(e.Code, e.Message);
        }
        catch (Exception e)
        {
            logger.Error(e, "the checkpoint failed");
            return new JobEnd(ExitCode.Internal, $"the checkpoint failed: {e.GetType().Name}: {e.Message}");
        }
    }
}
