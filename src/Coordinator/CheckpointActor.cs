using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using ClusterLp.Core;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Jobs.State;

namespace ClusterLp.Coordinator;

/// <summary>The only writer of a job's checkpoint, on a thread of its own: a shared volume may be slow to flush.</summary>
internal sealed class CheckpointActor : ReceiveActor
{
    private readonly WorkThread _thread = new("checkpoint");

    public CheckpointActor(ICheckpointLog log)
    {
        IActorRef job = Context.Parent;
        ILoggingAdapter logger = Context.GetLogger();
        Receive<Write>(write => _thread.Post(_ => job.Tell(Run(log, write, logger))));
        Receive<LookForSuccessor>(_ => _thread.Post(_ =>
        {
            try
            {
                log.EnsureOwned();
            }
            catch (ClusterLpException e)
            {
                job.Tell(new Failed(new JobEnd(e.Code, e.Message)));
            }
        }));
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

    private static object Run(ICheckpointLog log, Write write, ILoggingAdapter logger)
    {
        try
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
            return new Written(write.Entries.Length);

            void Append()
            {
                if (records.Count > 0)
                    log.Append(records);
                records.Clear();
            }
        }
        catch (ClusterLpException e)
        {
            return new Failed(new JobEnd(e.Code, e.Message));
        }
        catch (Exception e)
        {
            logger.Error(e, "the checkpoint failed");
            return new Failed(new JobEnd(ExitCode.Internal, $"the checkpoint failed: {e.GetType().Name}: {e.Message}"));
        }
    }
}
