using System.Globalization;
using Akka.Actor;
using ClusterLp.Coordinator;
using ClusterLp.Core;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.WorkerNode;
using Serilog;

namespace ClusterLp.Cli.Hosting;

/// <summary>
/// A worker's stay in a cluster: an actor system that joins, computes and leaves. One that was struck off cannot come back,
/// so every stay has its own, and another <see cref="WorkerId"/>. Inputs are opened anew: the next job's may have changed.
/// </summary>
internal sealed class WorkerTerm
{
    /// <summary>Silence of the coordinator that counts as its loss. It gives a silent worker up after about as long.</summary>
    private static readonly TimeSpan GiveUpAfter = TimeSpan.FromSeconds(15);

    /// <summary>Blocks are told to stop and do so within a second.</summary>
    private static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(5);

    private readonly WorkerOptions _options;
    private readonly SourceCache _sources;
    private readonly TaskCompletionSource<WorkerEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ActorSystem _system;
    private readonly IActorRef _worker;

    private WorkerTerm(WorkerOptions options, RowStates states, TimeSpan joinWithin, Action<JobId> joined)
    {
        _options = options;
        _sources = new SourceCache(ModelFiles.Open, options.Roots);
        var id = new WorkerId(string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}-{Environment.ProcessId}-{Guid.NewGuid():N}"));
        Log.Logger = Log.ForContext("worker", id.Value);
        Address seed = NodeConfig.AddressOf(options.Coordinator, options.Tls);
        _system = NodeConfig.Listen(options.Address, NodeConfig.Cluster(options.Address, NodeConfig.WorkerRole, seed), options.Tls);
        var settings = new WorkerSettings(id, options.Threads, IFitPipeline.Standard, _sources, OpenStore, GiveUpAfter)
        {
            States = states, JoinWithin = joinWithin, Joined = joined, Alive = options.Health.Beat, OpenEndpoint = options.JobDirectory is null ? OpenEndpoint : null,
        };
        // It does not wait to be a full member: members that are gone but not yet struck off would delay that.
        ActorSelection coordinator = _system.ActorSelection(new RootActorPath(seed) / "user" / CoordinatorActor.Name);
        _worker = _system.ActorOf(WorkerActor.Props(settings, coordinator, _ended), "worker");
    }

    /// <param name="options">Whom to work for.</param>
    /// <param name="states">What earlier stays of this process remember.</param>
    /// <param name="joinWithin">How long to wait to be let in.</param>
    /// <param name="joined">Called with the job's id when the coordinator has let the worker in.</param>
    /// <param name="cancellation">Drains the worker: it ends when the blocks it holds are delivered, at the latest after the drain timeout.</param>
    /// <returns>Why it ended; everything of it has stopped.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="ClusterLpException">The address cannot be listened on (exit 73), or the certificate does not name it (64).</exception>
    public static async Task<WorkerEnd> RunAsync(WorkerOptions options, RowStates states, TimeSpan joinWithin, Action<JobId> joined, CancellationToken cancellation)
    {
        var term = new WorkerTerm(options, states, joinWithin, joined);
        try
        {
            return await term._ended.Task.WaitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            await term.DrainAsync();
            throw;
        }
        finally
        {
            await term.LeaveAsync();
        }
    }

    private IBlobStore OpenStore(string named) =>
        JobStore.BlobsOf(_options.Roots.Ensure("the job directory", _options.JobDirectory ?? named), durable: true);

    // What the coordinator says counts only as far as this worker's own protection goes.
    private HttpBlobStore OpenEndpoint(Uri endpoint)
    {
        if (endpoint.Scheme == Uri.UriSchemeHttps != _options.Tls is not null)
            throw new ClusterLpException(ExitCode.Refused,
                $"{endpoint}: the coordinator serves blobs {(_options.Tls is null ? "with TLS, and this worker has no certificate" : "without TLS, and this worker has TLS")}: give both the same protection.");
        NodeConfig.EnsureAllowed(_options.Tls, _options.Insecure, endpoint.DnsSafeHost);
        return new HttpBlobStore(endpoint, _options.Tls?.ClientOptions(endpoint.DnsSafeHost));
    }

    private async Task DrainAsync()
    {
        _options.Health.NotReady("stopping");
        Log.Information("taking no more blocks; finishing those in work, for up to {Seconds} s", _options.DrainTimeout.TotalSeconds);
        _worker.Tell(DrainWorker.Instance);
        if (await Task.WhenAny(_ended.Task, Task.Delay(_options.DrainTimeout)) != _ended.Task)
            Log.Warning("blocks not finished in time go to other workers");
    }

    private async Task LeaveAsync()
    {
        // First the actor: the coordinator hands its blocks out again as soon as it has stopped.
        if (!_system.WhenTerminated.IsCompleted)
            await StopWorkerAsync();
        var cluster = Akka.Cluster.Cluster.Get(_system);
        // Nobody is there to say goodbye to.
        if (_ended.Task is { IsCompletedSuccessfully: true, Result.Code: ExitCode.Resumable } && !cluster.IsTerminated)
            cluster.Down(cluster.SelfAddress);
        await CoordinatedShutdown.Get(_system).Run(CoordinatedShutdown.ClusterLeavingReason.Instance);
        // A thread that hangs in a read may still be in them.
        if (_system.WhenTerminated.IsCompleted)
            _sources.Dispose();
    }

    private async Task StopWorkerAsync()
    {
        try
        {
            await _worker.GracefulStop(StopWithin);
        }
        catch (TaskCanceledException)
        {
            // A thread hangs in a read; the system is stopped without it.
        }
    }
}
