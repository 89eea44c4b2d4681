using System.Diagnostics;
using System.Globalization;
using System.Net;
using ClusterLp.Cli.Operations;
using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.WorkerNode;
using Serilog;

namespace ClusterLp.Cli.Hosting;

/// <param name="Coordinator">Where the coordinator listens.</param>
/// <param name="Address">Where this worker itself listens (loopback by default).</param>
/// <param name="Threads">Blocks computed at once.</param>
/// <param name="Insecure">Allow a non-loopback address without TLS.</param>
public sealed record WorkerOptions(DnsEndPoint Coordinator, NodeAddress Address, int Threads, bool Insecure)
{
    /// <summary>Where this machine has the job directory; null: where the coordinator has it.</summary>
    public string? JobDirectory { get; init; }

    /// <summary>How long to look for a coordinator, at first and after each loss.</summary>
    public TimeSpan RejoinTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long blocks in work may take once the worker is told to stop.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Who this node is and whom it trusts; null: plain TCP.</summary>
    public NodeTls? Tls { get; init; }

    /// <summary>Where inputs and the job directory may lie, whatever the coordinator says.</summary>
    public PathRoots Roots { get; init; } = PathRoots.Anywhere;

    /// <summary>Told when a coordinator has let this worker in, and when it has lost it or stops.</summary>
    internal Health Health { get; init; } = new();
}

/// <summary>A worker of a cluster: joins, pulls blocks, joins again when it has lost the coordinator, ends when the job does.</summary>
public static class WorkerProcess
{
    /// <summary>A new actor system may find the coordinator where one cannot, turned away for what it saw before.</summary>
    private static readonly TimeSpan LongestTry = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    /// <summary>Returns when the job is over, whether it succeeded or not: the coordinator says which.</summary>
    /// <exception cref="ClusterLpException">
    /// No coordinator found, or lost and not found again (exit 75); turned away (64); an address that cannot be listened on
    /// at first (73) or is not allowed (77).
    /// </exception>
    /// <exception cref="OperationCanceledException">Interrupted; blocks it did not finish go to other workers.</exception>
    public static async Task RunAsync(WorkerOptions options, CancellationToken cancellation)
    {
        NodeConfig.EnsureAllowed(options.Tls, options.Insecure, options.Address.Bind, options.Address.Public, options.Coordinator.Host);
        string where = string.Create(CultureInfo.InvariantCulture, $"{options.Coordinator.Host}:{options.Coordinator.Port}");
        double patience = options.RejoinTimeout.TotalSeconds;
        long since = Stopwatch.GetTimestamp();
        // They outlive a coordinator: the next one finds them.
        using var states = new RowStates();
        ILogger log = Log.Logger;
        bool known = false, said = false, listened = false;
        options.Health.NotReady("looking for the coordinator");
        for (TimeSpan left = options.RejoinTimeout; left > TimeSpan.Zero; left = options.RejoinTimeout - Stopwatch.GetElapsedTime(since))
        {
            bool joined = false;
            Log.Logger = log;
            WorkerEnd end;
            try
            {
                end = await WorkerTerm.RunAsync(options, states, left < LongestTry ? left : LongestTry, job =>
                {
                    joined = true;
                    Log.Logger = Log.ForContext("job", job.Value);
                    options.Health.Ready();
                    Log.Information("joined the coordinator at {Where}", where);
                }, cancellation);
                listened = true;
            }
            catch (ClusterLpException e) when (listened && e.Code == ExitCode.CannotWrite)
            {
                // On a busy machine the actor system before it may hold the port longer than its end was waited for.
                Log.Warning("{Reason}; trying again for up to {Seconds:0} s", e.Message, left.TotalSeconds);
                await Task.Delay(RetryAfter, cancellation);
                continue;
            }
            options.Health.NotReady(end.Code == ExitCode.Done ? "the job is over" : "looking for the coordinator");
            if (end.Code == ExitCode.Done)
                return;
            if (end.Code != ExitCode.Resumable)
                throw new ClusterLpException(end.Code, $"the worker of {where} ended: {end.Reason}");
            if (joined)
            {
                (since, known, said) = (Stopwatch.GetTimestamp(), true, true);
                Log.Warning("lost the coordinator at {Where} ({Reason}); looking for it again for up to {Seconds} s", where, end.Reason, patience);
            }
            else if (!said)
            {
                said = true;
                Log.Warning("no coordinator at {Where} yet; looking for it for up to {Seconds} s", where, patience);
            }
            await Task.Delay(RetryAfter, cancellation);
        }
        throw new ClusterLpException(ExitCode.Resumable, known
            ? string.Create(CultureInfo.InvariantCulture, $"lost the coordinator at {where} and did not find it again within {patience:0} s: start it again, then this worker.")
            : string.Create(CultureInfo.InvariantCulture, $"no coordinator let this worker in at {where} within {patience:0} s: start it, check the address, and that both use TLS or neither."));
    }
}
