using System.Collections.Concurrent;
using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using ClusterLp.Core;
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
    private readonly BlockingCollection<Reduce> _queue = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private Thread? _thread;

    public MergeActor(JobSettings settings)
    {
        _settings = settings;
        Receive<Reduce>(_queue.Add);
    }

    /// <summary>Reduce this stage; answered to the parent by <see cref="Reduced"/> or <see cref="Failed"/>.</summary>
    internal sealed record Reduce(TensorPlan Plan, FitState Fit, ImmutableArray<BlockResult> Results);

    internal sealed record Reduced(int Tensor, StageId Stage, FitState Next);

    /// <param name="Corrupt">The blob that could not be read, if that was the reason.</param>
    internal sealed record Failed(int Tensor, StageId Stage, ExitCode Code, string Detail, BlobRef? Corrupt);

    protected override void PreStart()
    {
        IActorRef job = Context.Parent;
        _thread = new Thread(() => Work(job)) { IsBackground = true, Name = "merge" };
        _thread.Start();
    }

    protected override void PostStop()
    {
        _queue.CompleteAdding();
        _stopping.Cancel();
        _thread?.Join();
        _queue.Dispose();
        _stopping.Dispose();
    }

    private void Work(IActorRef job)
    {
        foreach (Reduce reduce in _queue.GetConsumingEnumerable())
            if (!_stopping.IsCancellationRequested)
                job.Tell(Run(reduce));
    }

    private object Run(Reduce reduce)
    {
        (int tensor, StageId stage) = (reduce.Plan.Index, reduce.Fit.Stage);
        try
        {
            var context = new StepContext(_settings.Blobs, _settings.Threads, _stopping.Token);
            string prefix = BlobNames.Reduction(tensor, stage, _settings.Epoch);
            return new Reduced(tensor, stage, _settings.Pipeline.Reduce(reduce.Plan, reduce.Fit, reduce.Results, prefix, context));
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
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
            _log.Error(e, "the reduction of tensor {0}, {1}, failed", tensor, stage);
            return new Failed(tensor, stage, ExitCode.Internal,
                $"the reduction of tensor \"{reduce.Plan.Name}\", {stage}, failed: {e.GetType().Name}: {e.Message}", null);
        }
    }
}
