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
internal sealed class MergeActor : ReceiveActor
{
    private readonly JobSettings _settings;
    private readonly WorkThread _thread = new("merge");
    private readonly ILoggingAdapter _log = Context.GetLogger();

    public MergeActor(JobSettings settings)
    {
        _settings = settings;
        IActorRef job = Context.Parent;
        Receive<Reduce>(reduce => _thread.Post(stopping => job.Tell(Run(reduce, stopping))));
    }

    /// <summary>Reduce this stage; answered to the parent by <see cref="Reduced"/> or <see cref="Failed"/>.</summary>
    internal sealed record Reduce(TensorPlan Plan, FitState Fit, int Rewinds, ImmutableArray<BlockResult> Results) : INoSerializationVerificationNeeded;

    internal sealed record Reduced(int Tensor, StageId Stage, FitState Next) : INoSerializationVerificationNeeded;

    /// <param name="Corrupt">The blob that could not be read, if that was the reason.</param>
    internal sealed record Failed(int Tensor, StageId Stage, ExitCode Code, string Detail, BlobRef? Corrupt) : INoSerializationVerificationNeeded;

    protected override void PostStop() => _thread.Dispose();

    private object Run(Reduce reduce, CancellationToken stopping)
    {
        (int tensor, StageId stage) = (reduce.Plan.Index, reduce.Fit.Stage);
        try
        {
            var context = new StepContext(_settings.Blobs, _settings.Threads, stopping);
            string prefix = BlobNames.Reduction(tensor, stage, _settings.State.Epoch, reduce.Rewinds);
            Failpoint.Reach(Failpoint.CoordinatorReduce, stage.ToString());
            FitState next = _settings.Pipeline.Reduce(reduce.Plan, reduce.Fit, reduce.Results, prefix, context);
            Failpoint.Reach(Failpoint.CoordinatorReduced, stage.ToString());
            return new Reduced(tensor, stage, next);
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
    }
}
