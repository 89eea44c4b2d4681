using Akka.Actor;
using ClusterLp.Coordinator;
using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.State;

namespace ClusterLp.Cli.Hosting;

/// <summary>The coordinator's side of a job in a running actor system, embedded or clustered.</summary>
internal sealed class JobRun
{
    private readonly JobPlan _plan;
    private readonly IBlobStore _blobs;
    private readonly TaskCompletionSource<JobState> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public JobRun(ActorSystem system, JobPlan plan, JobFolder folder, int threads, IProgress<JobProgress> progress, IFitPipeline pipeline,
        string? blobEndpoint = null)
    {
        (_plan, _blobs) = (plan, folder.Blobs);
        var settings = new JobSettings(pipeline, _blobs, folder.FullPath, threads, Term, new JobPolicy(), progress) { BlobEndpoint = blobEndpoint };
        Coordinator = system.ActorOf(CoordinatorActor.Props(plan, settings, _ended), CoordinatorActor.Name);
    }

    /// <summary>The coordinator's term.</summary>
    public static Epoch Term { get; } = new(1);

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
        return new JobOutcome(_plan, [.. last.Tensors.Select(tensor => tensor.Fit)], _blobs, last.Workers.Count, last.Retries);
    }
}
