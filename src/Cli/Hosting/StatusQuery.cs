using System.Globalization;
using System.Net;
using Akka.Actor;
using ClusterLp.Coordinator;
using ClusterLp.Core;
using ClusterLp.Core.Reporting;
using ClusterLp.Messages;

namespace ClusterLp.Cli.Hosting;

/// <summary>Asks a coordinator how far its job is, from outside the cluster: a member would have to join and leave.</summary>
internal sealed class StatusQuery : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly DnsEndPoint _coordinator;
    private readonly ActorSystem _system;
    private readonly ActorSelection _actor;

    private StatusQuery(DnsEndPoint coordinator, ActorSystem system, NodeTls? tls)
    {
        (_coordinator, _system) = (coordinator, system);
        _actor = system.ActorSelection(new RootActorPath(NodeConfig.AddressOf(coordinator, tls)) / "user" / CoordinatorActor.Name);
    }

    /// <param name="coordinator">Where it listens.</param>
    /// <param name="host">This process' own address, which the coordinator answers to.</param>
    /// <param name="tls">Who this process is; null: plain TCP.</param>
    /// <param name="insecure">Allow non-loopback addresses without TLS.</param>
    /// <exception cref="ClusterLpException">An address is not allowed (exit 77) or cannot be listened on (73).</exception>
    public static StatusQuery Open(DnsEndPoint coordinator, string host, NodeTls? tls, bool insecure)
    {
        NodeConfig.EnsureAllowed(tls, insecure, coordinator.Host, host);
        return new StatusQuery(coordinator, NodeConfig.Listen(new NodeAddress(host, 0), NodeConfig.Visitor(host), tls), tls);
    }

    /// <exception cref="ClusterLpException">No answer (exit 75).</exception>
    public async Task<JobStatus> AskAsync(CancellationToken cancellation)
    {
        try
        {
            return Status(await _actor.Ask<StatusReported>(RequestStatus.Instance, Patience, cancellation));
        }
        catch (AskTimeoutException e)
        {
            throw new ClusterLpException(ExitCode.Resumable, string.Create(CultureInfo.InvariantCulture,
                $"no coordinator answered at {_coordinator.Host}:{_coordinator.Port} within {Patience.TotalSeconds:0} s: it has ended (or is writing its output), the address is another, or only one of the two uses TLS."), e);
        }
    }

    public async ValueTask DisposeAsync() => await _system.Terminate();

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
        RemainingSeconds = report.Pace?.RemainingSeconds,
        RowsPerSecond = report.Pace?.RowsPerSecond,
        Share = report.Pace?.Share,
        Progress = report.Progress,
        Error = report.End is { Code: not ExitCode.Done } end ? end.Reason : null,
    };
}
