using System.Globalization;
using System.Net;
using Akka.Actor;
using Akka.Cluster;
using ClusterLp.Coordinator;
using ClusterLp.Coordinator.Blobs;
using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using Serilog;

namespace ClusterLp.Cli.Hosting;

/// <param name="Host">Address to listen on (loopback unless allowed otherwise).</param>
/// <param name="Port">Port; 0 picks a free one, which is logged and written to the job directory.</param>
/// <param name="JobDirectory">Shared folder for blobs and job state.</param>
/// <param name="Threads">Threads for reductions.</param>
/// <param name="Insecure">Allow a non-loopback address without TLS.</param>
public sealed record CoordinatorOptions(string Host, int Port, string JobDirectory, int Threads, bool Insecure)
{
    /// <summary>Where to serve blobs to workers that do not see the job directory; null: nowhere. Port 0: a free one.</summary>
    public DnsEndPoint? ServeBlobs { get; init; }
}

/// <summary>The coordinator of a cluster: one node of role "coordinator"; workers join it.</summary>
public static class CoordinatorProcess
{
    /// <summary>How long the coordinator waits, once the job is over, for its workers to leave.</summary>
    private static readonly TimeSpan DrainFor = TimeSpan.FromSeconds(5);

    /// <exception cref="ClusterLpException">The job failed, the address cannot be listened on (73) or is not allowed (77).</exception>
    /// <exception cref="OperationCanceledException">Interrupted.</exception>
    public static async Task<JobOutcome> RunAsync(
        JobPlan plan, CoordinatorOptions options, IProgress<JobProgress> progress, CancellationToken cancellation)
    {
        NodeConfig.EnsureAllowed(options.Host, options.Insecure);
        var folder = new JobFolder(options.JobDirectory, plan);
        await using BlobServer? blobs = options.ServeBlobs is { } serve ? await ServeAsync(serve, options, folder, plan) : null;
        ActorSystem system = NodeConfig.Listen(
            options.Host, options.Port, NodeConfig.Cluster(options.Host, options.Port, NodeConfig.CoordinatorRole, seed: null));
        try
        {
            Cluster cluster = Cluster.Get(system);
            cluster.Join(cluster.SelfAddress);
            var job = new JobRun(system, plan, folder, options.Threads, progress, IFitPipeline.Standard, blobs?.Endpoint);
            string address = string.Create(CultureInfo.InvariantCulture, $"{cluster.SelfAddress.Host}:{cluster.SelfAddress.Port}");
            folder.WriteAddress(address);
            Log.Information("listening on {Address}", address);
            try
            {
                return await job.WaitAsync(cancellation);
            }
            finally
            {
                if (!cancellation.IsCancellationRequested)
                    await DrainAsync(cluster, job.Coordinator);
            }
        }
        finally
        {
            await CoordinatedShutdown.Get(system).Run(CoordinatedShutdown.ClusterLeavingReason.Instance);
        }
    }

    private static async Task<BlobServer> ServeAsync(DnsEndPoint address, CoordinatorOptions options, JobFolder folder, JobPlan plan)
    {
        BlobServer server = await BlobServer.StartAsync(
            new BlobServerOptions(address.Host, address.Port, Tls: null, options.Insecure), folder.Blobs, plan.Id, JobRun.Term);
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
