using System.Globalization;
using Akka.Actor;
using ClusterLp.Cli.Operations;
using ClusterLp.Core;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Kernels;
using ClusterLp.WorkerNode;

namespace ClusterLp.Cli.Hosting;

/// <param name="Workers">Worker actors in this process, 1 or more.</param>
/// <param name="ThreadsPerWorker">Slots (dedicated threads) of each, 1 or more.</param>
public sealed record EmbeddedOptions(int Workers, int ThreadsPerWorker)
{
    /// <summary>Told when blocks are computed, and when no longer.</summary>
    internal Health Health { get; init; } = new();
}

/// <summary>
/// Runs a job's fit with coordinator and workers in this process: the same actors, no network. The actor system starts
/// while the job is planned, and stops while its output is written.
/// </summary>
public sealed class EmbeddedJob(EmbeddedOptions options) : IAsyncDisposable
{
    // On a thread of its own: it waits for what runs on the pool's.
    private readonly Task<ActorSystem> _system = OwnThread.Run(() => NodeConfig.Start(NodeConfig.Local));
    private readonly SourceCache _sources = new(ModelFiles.Open);
    private readonly RowStates _states = new();

    /// <exception cref="ClusterLpException">The job failed; says why and with which exit code.</exception>
    /// <exception cref="OperationCanceledException">Interrupted.</exception>
    public async Task<JobOutcome> RunAsync(JobStore store, IProgress<JobProgress> progress, CancellationToken cancellation)
    {
        ActorSystem system = await _system;
        int threads = Math.Min(Environment.ProcessorCount, options.Workers * options.ThreadsPerWorker);
        var job = new JobRun(system, store, threads, progress, options.Health, embedded: true);
        FactorPlace? place = FactorisedModelWriter.PlaceFor(store.Plan, store.Blobs, store.Epoch);
        var workers = new Task<WorkerEnd>[options.Workers];
        for (int i = 0; i < options.Workers; i++)
        {
            var ended = new TaskCompletionSource<WorkerEnd>(TaskCreationOptions.RunContinuationsAsynchronously);
            workers[i] = ended.Task;
            var worker = new WorkerSettings(
                new WorkerId(string.Create(CultureInfo.InvariantCulture, $"embedded-{i}")), options.ThreadsPerWorker, IFitPipeline.Standard,
                _sources, _ => store.Blobs, Timeout.InfiniteTimeSpan) { States = _states, Place = place };
            system.ActorOf(WorkerActor.Props(worker, job.Coordinator, ended), $"worker-{i}");
        }
        options.Health.Ready();
        // With its last worker a job in one process would wait for ever.
        Task<JobOutcome> outcome = job.WaitAsync(cancellation);
        try
        {
            if (await Task.WhenAny(outcome, Task.WhenAll(workers)) != outcome && workers.All(worker => worker.Result.Code != ExitCode.Done))
                throw new ClusterLpException(ExitCode.Internal, $"every worker of this process stopped: {workers[0].Result.Reason}");
            return (await outcome) with { Place = place };
        }
        finally
        {
            options.Health.NotReady("the fit is over");
            // Beside what comes next: it does much before it first waits.
            _ = Task.Run(system.Terminate);
        }
    }

    /// <summary>Ends when every thread of the job has stopped; may be called again.</summary>
    public async ValueTask DisposeAsync()
    {
        await (await _system).Terminate();
        // Last: the threads that read them end with the actor system.
        _states.Dispose();
        _sources.Dispose();
    }
}
