using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using ClusterLp.Core;
using ClusterLp.Core.Faults;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Coordinator;

/// <summary>
/// Reduces finished stages (and in them fits V on the merged coreset), one after the other on a thread of its own, never
/// on the dispatcher.
/// </summary>
internal sealed class MergeActor : UntypedActor
{
    private readonly JobSettings _settings;
    private readonly IActorRef _job = Context.Parent;
    private readonly WorkThread _thread = new("merge");
    private readonly GramsAhead _ahead = new();
    private readonly ILoggingAdapter _log = Context.GetLogger();

    // That wait or run. A reduction reads with all threads, so nothing is added up ahead of one.
    private int _reductions;

    public MergeActor(JobSettings settings) => _settings = settings;

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case Reduce reduce:
                Interlocked.Increment(ref _reductions);
                _thread.Post(stopping => _job.Tell(Run(reduce, stopping)));
                break;
            case Computed computed:
                _thread.Post(stopping => _ahead.Add(
                    computed.Block.Tensor, computed.Block.Stage, computed.Collected, computed.Block.Block, computed.Blob,
                    Volatile.Read(ref _reductions) == 0 ? ForStep(stopping) : null));
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    /// <summary>A block of a stage whose reduction will add up Gram matrices: what can be added now is.</summary>
    /// <param name="Collected"><see cref="IFitPipeline.Collected"/>.</param>
    internal sealed record Computed(BlockAddress Block, BlobRef Blob, IReadOnlyList<string> Collected) : INoSerializationVerificationNeeded;

    /// <summary>Reduce this stage; answered to the parent by <see cref="Reduced"/> or <see cref="Failed"/>.</summary>
    internal sealed record Reduce(TensorPlan Plan, FitState Fit, int Rewinds, ImmutableArray<BlockResult> Results) : INoSerializationVerificationNeeded;

    /// <param name="Ahead"><see cref="GramsAhead.Taken"/>.</param>
    internal sealed record Reduced(int Tensor, StageId Stage, FitState Next, (int Count, TimeSpan Took) Ahead) : INoSerializationVerificationNeeded;

    /// <param name="Corrupt">The blob that could not be read, if that was the reason.</param>
    internal sealed record Failed(int Tensor, StageId Stage, ExitCode Code, string Detail, BlobRef? Corrupt) : INoSerializationVerificationNeeded;

    protected override void PostStop() => _thread.Dispose();

    private StepContext ForStep(CancellationToken stopping) => new(_settings.Blobs, _settings.Threads, stopping) { Ahead = _ahead, Embedded = _settings.Embedded };

    private object Run(Reduce reduce, CancellationToken stopping)
    {
        (int tensor, StageId stage) = (reduce.Plan.Index, reduce.Fit.Stage);
        try
        {
            StepContext context = ForStep(stopping);
            string prefix = BlobNames.Reduction(tensor, stage, _settings.State.Epoch, reduce.Rewinds);
            Failpoint.Reach(Failpoint.CoordinatorReduce, stage.ToString());
            FitState next = _settings.Pipeline.Reduce(reduce.Plan, reduce.Fit, reduce.Results, prefix, context);
            Failpoint.Reach(Failpoint.CoordinatorReduced, stage.ToString());
            return new Reduced(tensor, stage, next, _ahead.Taken);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return new Failed(tensor, stage, ExitCode.Interrupted, "interrupted", null);
        }
        catch (BlobCorruptException e)
        {
            return new Failed(tensor, stage, e.Code, e.Message, e.Blob);
        }
        catch (ClusterLpException e)
        {
            return new Failed(tensor, stage, e.Code, e.Message, null);
        }
        catch (Exception e)
        {
            _log.Error(e, "the reduction of tensor \"{tensor}\", {stage}, failed", reduce.Plan.Name, stage);
            return new Failed(tensor, stage, ExitCode.Internal,
                $"the reduction of tensor \"{reduce.Plan.Name}\", {stage}, failed: {e.GetType().Name}: {e.Message}", null);
        }
        finally
        {
            Interlocked.Decrement(ref _reductions);
            _ahead.Forget(tensor, stage);
        }
    }
}
