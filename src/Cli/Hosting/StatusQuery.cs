using System.Globalization;
using System.Net;
using Akka.Actor;
using ClusterLp.Coordinator;
using ClusterLp.Core;
using ClusterLp.Core.Reporting;
using ClusterLp.Messages;

namespace ClusterLp.Cli.Hosting;

/// <summary>Asks a coordinator how far its job is, from outside the cluster: a member would have to join and leave.</summary>
internal static class StatusQuery
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <param name="coordinator">Where it listens.</param>
    /// <param name="host">This process' own address, which the coordinator answers to.</param>
    /// <param name="tls">Who this process is; null: plain TCP.</param>
    /// <param name="insecure">Allow non-loopback addresses without TLS.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="ClusterLpException">No answer (exit 75) or an address that is not allowed (77).</exception>
    public static async Task<JobStatus> AskAsync(DnsEndPoint coordinator, string host, NodeTls? tls, bool insecure, CancellationToken cancellation)
    {
        NodeConfig.EnsureAllowed(tls, insecure, coordinator.Host, host);
        ActorSystem system = NodeConfig.Listen(new NodeAddress(host, 0), NodeConfig.Visitor(host), tls);
        try
        {
            ActorSelection actor = system.ActorSelection(new RootActorPath(NodeConfig.AddressOf(coordinator, tls)) / "user" / CoordinatorActor.Name);
            return Status(await actor.Ask<StatusReported>(RequestStatus.Instance, Patience, cancellation));
        }
        catch (AskTimeoutException e)
        {
            throw new ClusterLpException(ExitCode.Resumable, string.Create(CultureInfo.InvariantCulture,
                $"no coordinator answered at {coordinator.Host}:{coordinator.Port} within {Patience.TotalSeconds:0} s: it has ended (or is writing its output), the address is another, or only one of the two uses TLS."), e);
        }
        finally
        {
            await system.Terminate();
        }
    }

    private static JobStatus Status(StatusReported report) => new()
    {
        JobId = report.JobId.Value,
        Phase = report.End switch
        {
            null => JobPhase.Fitting,
            { Code: ExitCode.Done } => JobPhase.Assembling,
            _ => JobPhase.Failed,
        },
        Input = report.Input,
        Output = report.Output,
        Process = new JobProcess(report.Host, report.ProcessId, report.Started),
        Updated = DateTime.UtcNow,
        ElapsedSeconds = report.Elapsed.TotalSeconds,
        Progress = report.Progress,
        Error = report.End is { Code: not ExitCode.Done } end ? end.Reason : null,
    };
}
