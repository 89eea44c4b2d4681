using System.Diagnostics;
using Akka.Actor;
using ClusterLp.Cli.Operations;
using ClusterLp.Coordinator;
using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Jobs.State;

namespace ClusterLp.Cli.Hosting;

/// <summary>The coordinator's side of a job in a running actor system, embedded or clustered.</summary>
internal sealed class JobRun
{
    private readonly JobStore _store;
    private readonly TaskCompletionSource<JobState> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="system">Where the coordinator actor is started.</param>
    /// <param name="store">The job, at its beginning or where an earlier run left it.</param>
    /// <param name="threads">Threads of a reduction.</param>
    /// <param name="progress">Told a few times a second; asked for the pace, where it is <see cref="IPaced"/>.</param>
    /// <param name="health">Told that the job moves.</param>
    /// <param name="blobEndpoint">Where blobs are served to workers that do not see the job directory; null: nowhere.</param>
    /// <param name="embedded"><see cref="JobSettings.Embedded"/>.</param>
    public JobRun(ActorSystem system, JobStore store, int threads, IProgress<JobProgress> progress, Health health, string? blobEndpoint = null, bool embedded = false)
    {
        _store = store;
        var settings = new JobSettings(IFitPipeline.Standard, store.Blobs, store.Log, store.State, store.Path, threads, progress)
        {
            Embedded = embedded, BlobEndpoint = blobEndpoint, Alive = health.Beat, Pace = () => (progress as IPaced)?.Pace, Trace = Activity.Current?.Context ?? default,
        };
        Coordinator = system.ActorOf(CoordinatorActor.Props(store.Plan, settings, _ended), CoordinatorActor.Name);
    }

    public IActorRef Coordinator { get; }

    /// <exception cref="ClusterLpException">The job failed.</exception>
    /// <exception cref="OperationCanceledException">Interrupted.</exception>
    public async Task<JobOutcome> WaitAsync(CancellationToken cancellation)
    {
        JobState last;
        try
        {
            last = await _ended.Task.WaitAsync(cancellation);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new ClusterLpException(ExitCode.Internal, "the job's coordinator stopped before the job was done; the log says why.");
        }
        if (last.End is { Code: not ExitCode.Done } end)
            throw new ClusterLpException(end.Code, end.Reason);
        return new JobOutcome(_store.Plan, [.. last.Tensors.Select(tensor => tensor.Fit)], _store.Blobs, last.Workers.Count, last.Retries) { Speculative = last.Speculative, Timeline = last.Timeline };
    }
}
