using Akka.Actor;
using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Messages;

namespace ClusterLp.Coordinator;

/// <summary>
/// Looks at the blob of every computed block before its result counts, on a thread of its own: a shared volume may be slow.
/// All must exist with the length told; blocks of U, which no reduction reads, are also read through, which compares their
/// checksums. Those of the others are compared when the reduction reads them, so that nothing is read twice. Also looks at
/// blobs that a worker could not read.
/// </summary>
internal sealed class ResultCheckActor : UntypedActor
{
    private readonly IBlobStore _blobs;
    private readonly IActorRef _job = Context.Parent;
    private readonly WorkThread _thread = new("check");

    public ResultCheckActor(IBlobStore blobs) => _blobs = blobs;

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case BlockComputed computed:
                _thread.Post(cancellation => _job.Tell(
                    Fault(_blobs, computed.Result.Blob, whole: computed.Block.Stage.Kind == StageKind.Factorise, cancellation) is { } fault
                        ? new Refused(computed, fault) : new Passed(computed)));
                break;
            case BlockFailed failed:
                _thread.Post(cancellation => _job.Tell(
                    Fault(_blobs, failed.Corrupt!, whole: true, cancellation) is null ? new InputSound(failed) : new InputDamaged(failed)));
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    /// <summary>A blob a worker could not read is in order here: the fault is the worker's.</summary>
    internal sealed record InputSound(BlockFailed Report) : INoSerializationVerificationNeeded;

    /// <summary>It is damaged here as well.</summary>
    internal sealed record InputDamaged(BlockFailed Report) : INoSerializationVerificationNeeded;

    /// <summary>The blob is what the report says.</summary>
    internal sealed record Passed(BlockComputed Report) : INoSerializationVerificationNeeded;

    /// <summary>It is not; the block must be computed again.</summary>
    internal sealed record Refused(BlockComputed Report, string Fault) : INoSerializationVerificationNeeded;

    protected override void PostStop() => _thread.Dispose();

    private static string? Fault(IBlobStore blobs, BlobRef reference, bool whole, CancellationToken cancellation)
    {
        try
        {
            if (whole)
                blobs.ReadThrough(reference, cancellation);
            else
                blobs.EnsurePresent(reference);
            return null;
        }
        catch (Exception e) when (e is ClusterLpException or IOException or OperationCanceledException)
        {
            return e.Message;
        }
    }
}
