using System.Globalization;
using Akka.Actor;
using ClusterLp.Coordinator;
using ClusterLp.Core;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.WorkerNode;

namespace ClusterLp.Cli.Hosting;

/// <param name="CoordinatorHost">Where the coordinator listens.</param>
/// <param name="CoordinatorPort">Its port.</param>
/// <param name="Host">This worker's own address (loopback by default); its port is chosen by the system.</param>
/// <param name="Threads">Blocks computed at once.</param>
/// <param name="Insecure">Allow a non-loopback address without TLS.</param>
public sealed record WorkerOptions(string CoordinatorHost, int CoordinatorPort, string Host, int Threads, bool Insecure)
{
    /// <summary>Where this machine has the job directory; null: where the coordinator has it.</summary>
    public string? JobDirectory { get; init; }

    /// <summary>How long to look for the coordinator.</summary>
    public TimeSpan GiveUpAfter { get; init; } = TimeSpan.FromSeconds(45);
}

/// <summary>A worker of a cluster: joins, pulls blocks, ends when the job does.</summary>
public static class WorkerProcess
{
    /// <summary>Blocks are told to stop and do so within a second.</summary>
    private static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(5);

    /// <summary>Returns when the job is over, whether it succeeded or not: the coordinator says which.</summary>
    /// <exception cref="ClusterLpException">
    /// No coordinator found, or lost (exit 75); turned away (64); an address that cannot be listened on (73) or is not allowed (77).
    /// </exception>
    /// <exception cref="OperationCanceledException">Interrupted; its blocks go to other workers.</exception>
    public static async Task RunAsync(WorkerOptions options, CancellationToken cancellation)
    {
        NodeConfig.EnsureAllowed(options.Host, options.Insecure);
        NodeConfig.EnsureAllowed(options.CoordinatorHost, options.Insecure);
        using var sources = new SourceCache(ModelFiles.Open);
        var seed = new Address("akka.tcp", NodeConfig.SystemName, options.CoordinatorHost, options.CoordinatorPort);
        string where = string.Create(CultureInfo.InvariantCulture, $"{options.CoordinatorHost}:{options.CoordinatorPort}");
        ActorSystem system = NodeConfig.Listen(options.Host, 0, NodeConfig.Cluster(options.Host, 0, NodeConfig.WorkerRole, seed));
        IActorRef worker = ActorRefs.Nobody;
        try
        {
            var joined = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Akka.Cluster.Cluster.Get(system).RegisterOnMemberUp(() => joined.TrySetResult());
            if (await Task.WhenAny(joined.Task, system.WhenTerminated, Task.Delay(options.GiveUpAfter, cancellation)) != joined.Task)
            {
                cancellation.ThrowIfCancellationRequested();
                throw new ClusterLpException(ExitCode.Resumable, string.Create(CultureInfo.InvariantCulture,
                    $"no coordinator let this worker in at {where} within {options.GiveUpAfter.TotalSeconds:0} s: start it, or check the address."));
            }
            var ended = new TaskCompletionSource<WorkerEnd>(TaskCreationOptions.RunContinuationsAsynchronously);
            var settings = new WorkerSettings(
                new WorkerId(string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName}-{Environment.ProcessId}-{Guid.NewGuid():N}")),
                options.Threads, IFitPipeline.Standard, sources, named => JobFolder.Store(options.JobDirectory ?? named), options.GiveUpAfter)
            {
                OpenEndpoint = options.JobDirectory is null ? endpoint => OpenEndpoint(endpoint, options.Insecure) : null,
            };
            ActorSelection coordinator = system.ActorSelection(new RootActorPath(seed) / "user" / CoordinatorActor.Name);
            worker = system.ActorOf(WorkerActor.Props(settings, coordinator, ended), "worker");
            WorkerEnd end = await ended.Task.WaitAsync(cancellation);
            if (end.Code != ExitCode.Done)
                throw new ClusterLpException(end.Code, $"the worker of {where} ended: {end.Reason}");
        }
        finally
        {
            // First the actor: the coordinator hands its blocks out again as soon as it has stopped.
            if (!worker.IsNobody() && !system.WhenTerminated.IsCompleted)
                await StopAsync(worker);
            await CoordinatedShutdown.Get(system).Run(CoordinatedShutdown.ClusterLeavingReason.Instance);
        }
    }

    private static HttpBlobStore OpenEndpoint(Uri endpoint, bool insecure)
    {
        NodeConfig.EnsureAllowed(endpoint.Host, insecure);
        return new HttpBlobStore(endpoint);
    }

    private static async Task StopAsync(IActorRef worker)
    {
        try
        {
            await worker.GracefulStop(StopWithin);
        }
        catch (TaskCanceledException)
        {
            // A thread hangs in a read; the process ends without it.
        }
    }
}
