using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Text;
using Akka.Actor;
using Akka.Cluster;
using ClusterLp.Cli.Operations;
using ClusterLp.Coordinator;
using ClusterLp.Coordinator.Blobs;
using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.Storage;
using Serilog;

namespace ClusterLp.Cli.Hosting;

/// <param name="Address">Where to listen (loopback unless allowed otherwise); a free port is logged and written to the job directory.</param>
/// <param name="Threads">Threads for reductions.</param>
/// <param name="Insecure">Allow a non-loopback address without TLS.</param>
public sealed record CoordinatorOptions(NodeAddress Address, int Threads, bool Insecure)
{
    /// <summary>Who this node is and whom it trusts; null: plain TCP.</summary>
    public NodeTls? Tls { get; init; }

    /// <summary>Where to serve blobs to workers that do not see the job directory; null: nowhere. Port 0: a free one.</summary>
    public DnsEndPoint? ServeBlobs { get; init; }

    /// <summary>Told when workers can join, and when no longer.</summary>
    internal Health Health { get; init; } = new();
}

/// <summary>
/// The coordinator of a cluster: one node of role "coordinator"; workers join it, and leave with it while the output is
/// written.
/// </summary>
public sealed class CoordinatorProcess(CoordinatorOptions options) : IAsyncDisposable
{
    /// <summary>How long the coordinator waits, once the job is over, for its workers to leave.</summary>
    private static readonly TimeSpan DrainFor = TimeSpan.FromSeconds(5);

    private ActorSystem? _system;
    private BlobServer? _blobs;
    private Task _drained = Task.CompletedTask;

    /// <exception cref="ClusterLpException">The job failed, the address cannot be listened on (73) or is not allowed (77).</exception>
    /// <exception cref="OperationCanceledException">Interrupted.</exception>
    public async Task<JobOutcome> RunAsync(JobStore store, IProgress<JobProgress> progress, CancellationToken cancellation)
    {
        NodeConfig.EnsureAllowed(options.Tls, options.Insecure, options.Address.Bind, options.Address.Public);
        _blobs = options.ServeBlobs is { } serve ? await ServeAsync(serve, options, store) : null;
        // Not before the job is planned: a node that has not joined yet takes seconds to shut down.
        _system = NodeConfig.Listen(
            options.Address, NodeConfig.Cluster(options.Address, NodeConfig.CoordinatorRole, seed: null), options.Tls);
        Cluster cluster = Cluster.Get(_system);
        cluster.Join(cluster.SelfAddress);
        var job = new JobRun(_system, store, options.Threads, progress, options.Health, _blobs?.Endpoint);
        string address = string.Create(CultureInfo.InvariantCulture, $"{cluster.SelfAddress.Host}:{cluster.SelfAddress.Port}");
        JobFiles.Replace(StoredFiles.Combine(store.Path, "coordinator.address"), Encoding.UTF8.GetBytes(address + "\n"), durable: false);
        Log.Information("listening on {Address}", address);
        options.Health.Ready();
        bool dismissed = false;
        try
        {
            JobOutcome outcome = await job.WaitAsync(cancellation);
            dismissed = true;
            return outcome;
        }
        catch (ClusterLpException e)
        {
            dismissed = !new JobEnd(e.Code, e.Message).MayResume;
            throw;
        }
        finally
        {
            options.Health.NotReady("the fit is over");
            if (dismissed)
                _drained = Task.Run(() => DrainAsync(cluster, job.Coordinator));
        }
    }

    /// <summary>Ends when the workers and this node have left and no more blobs are served; may be called again.</summary>
    public async ValueTask DisposeAsync()
    {
        await _drained;
        if (_system is not null)
            await CoordinatedShutdown.Get(_system).Run(CoordinatedShutdown.ClusterLeavingReason.Instance);
        if (Interlocked.Exchange(ref _blobs, null) is { } blobs)
            await blobs.DisposeAsync();
    }

    private static async Task<BlobServer> ServeAsync(DnsEndPoint address, CoordinatorOptions options, JobStore store)
    {
        if (store.Blobs is not FileBlobStore folder)
            throw ClusterLpException.Usage($"--serve-blobs: the job directory is {store.Path}, which workers read and write themselves; leave the option out.");
        Func<SslServerAuthenticationOptions>? tls = options.Tls is { } node ? node.ServerOptions : null;
        BlobServer server = await BlobServer.StartAsync(
            new BlobServerOptions(address.Host, address.Port, tls, options.Insecure) { PublicName = options.Address.PublicName }, folder, store.Plan.Id, store.Epoch);
        Log.Information("serving blobs at {Endpoint}", server.Endpoint);
        return server;
    }

    private static async Task DrainAsync(Cluster cluster, IActorRef coordinator)
    {
        try
        {
            Drained drained = await coordinator.Ask<Drained>(Drain.Instance, DrainFor);
            // Members that are gone but not yet found so would hold up everybody's leaving.
            foreach (Address lost in drained.Lost)
                cluster.Down(lost);
        }
        catch (AskTimeoutException)
        {
            // A worker that hangs learns of the end when the connection closes.
        }
    }
}
