using System.Globalization;
using System.Net;
using Akka.Actor;
using Akka.Actor.Internal;
using Akka.Actor.Setup;
using Akka.Configuration;
using Akka.Hosting.Logging;
using Akka.Util;
using ClusterLp.Core;
using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Events;

namespace ClusterLp.Cli.Hosting;

/// <summary>Configuration of the actor systems: local, or a node of the cluster.</summary>
internal static class NodeConfig
{
    /// <summary>Every node's actor system has this name; it is part of every address.</summary>
    public const string SystemName = "clusterlp";

    public const string CoordinatorRole = "coordinator";
    public const string WorkerRole = "worker";

    /// <summary>
    /// Starts an actor system that logs through <see cref="HostingLog"/>. A generic host around it would cost a third of
    /// a small job's time and manage nothing else.
    /// </summary>
    /// <param name="config">What the system is to be.</param>
    /// <param name="tls">Both ends of every connection show a certificate; null: plain TCP, or no network.</param>
    public static ActorSystem Start(Config config, NodeTls? tls = null)
    {
        ILoggerFactory log = HostingLog.Create();
        var loggers = ConfigurationFactory.ParseString(
            $$"""
            akka {
              loggers = ["{{typeof(LoggerFactoryLogger).AssemblyQualifiedName}}"]
              loglevel = {{Level()}}
              stdout-loglevel = OFF
              stdout-logger-class = "{{typeof(SilentLogger).AssemblyQualifiedName}}"
              log-dead-letters = off
              log-dead-letters-during-shutdown = off
              coordinated-shutdown.run-by-clr-shutdown-hook = off
              # No timer of ours is finer, and every tick wakes two threads: the default is 10 ms.
              scheduler.tick-duration = 200ms
            }
            """);
        Config all = tls is null ? loggers.WithFallback(config) : loggers.WithFallback(NodeTlsTransport.Config).WithFallback(config);
        ActorSystemSetup setup = ActorSystemSetup.Create(new LoggerFactorySetup(log));
        if (tls is not null)
            setup = setup.And(NodeTlsTransport.Setup(tls));
        // ActorSystem.Create looks for an app.config first, whatever configuration it is given: a tenth of a small job's start.
        var system = new ActorSystemImpl(SystemName, all, setup, Option<Props>.None);
        system.Start();
        return system;
    }

    /// <summary>Starts an actor system that listens on an address.</summary>
    /// <exception cref="ClusterLpException">
    /// It cannot (exit 73): in use, not this machine's, not permitted. Or the certificate names another host (64).
    /// </exception>
    public static ActorSystem Listen(NodeAddress address, Config config, NodeTls? tls = null)
    {
        if (tls is not null && !tls.IsNamed(address.Public))
            throw ClusterLpException.Usage($"this node's certificate does not name {address.Public}, so no other node would accept it there: "
                + $"give the address it names, or make one with clusterlp certs --host {address.Public}.");
        try
        {
            return Start(config, tls);
        }
        catch (Exception e) when (e is not ClusterLpException)
        {
            throw ClusterLpException.CannotWrite(
                string.Create(CultureInfo.InvariantCulture, $"cannot listen on {address.Bind}:{address.Port}: {e.GetBaseException().Message}"), e);
        }
    }

    /// <summary>No network; messages pass by reference.</summary>
    public static Config Local { get; } = ConfigurationFactory.ParseString("akka.actor.provider = local");

    /// <summary>A node that listens on an address and joins the coordinator at <paramref name="seed"/>; null: it is the coordinator.</summary>
    public static Config Cluster(NodeAddress address, string role, Address? seed)
    {
        string seeds = seed is null ? "" : $"\"{seed}\"";
        return ConfigurationFactory.ParseString(
            $$"""
            akka {
              actor.provider = cluster
              remote.dot-netty.tcp {
                hostname = "{{address.Bind}}"
                public-hostname = "{{address.Public}}"
                port = {{address.Port}}
                maximum-frame-size = 1048576b
                # On Unix .NET takes it for leave to share the port with another process.
                tcp-reuse-addr = off
              }
              remote {
                log-remote-lifecycle-events = off
                # A worker that is there before its coordinator tries a few times a second; and one whose connection broke
                # speaks up before a block's lease in doubt ends.
                retry-gate-closed-for = 200ms
              }
              cluster {
                roles = [{{role}}]
                seed-nodes = [{{seeds}}]
                # Joining and leaving wait for the leader's next turn: a short job should not.
                periodic-tasks-initial-delay = 100ms
                leader-actions-interval = 200ms
                gossip-interval = 500ms
                failure-detector.acceptable-heartbeat-pause = 10s
                downing-provider-class = "{{(role == CoordinatorRole ? typeof(CoordinatorDowning).AssemblyQualifiedName : "")}}"
                # A worker that does not get in soon tries again with a new actor system.
                seed-node-timeout = 1s
                retry-unsuccessful-join-after = 2s
                run-coordinated-shutdown-when-down = on
                log-info = off
              }
              # Goodbyes are short: whoever waits for them may be gone.
              coordinated-shutdown {
                default-phase-timeout = 2s
                phases.cluster-exiting.timeout = 2s
              }
            }
            """).WithFallback(RemotePayloads.Config);
    }

    /// <summary>Talks to a cluster's actors without being a member of it.</summary>
    public static Config Visitor(string host) => ConfigurationFactory.ParseString(
        $$"""
        akka {
          actor.provider = remote
          remote {
            log-remote-lifecycle-events = off
            dot-netty.tcp { hostname = "{{host}}", port = 0 }
          }
        }
        """).WithFallback(RemotePayloads.Config);

    /// <summary>Where a node is, as messages name it.</summary>
    public static Address AddressOf(DnsEndPoint node, NodeTls? tls) => new(NodeTlsTransport.Scheme(tls), SystemName, node.Host, node.Port);

    /// <summary>
    /// Loopback is allowed; any other address needs TLS, or a word of the user's that it need not be, which is repeated in
    /// the log.
    /// </summary>
    /// <exception cref="ClusterLpException">An address is reachable from other machines and nothing protects it (exit 77).</exception>
    public static void EnsureAllowed(NodeTls? tls, bool insecure, params ReadOnlySpan<string> hosts)
    {
        foreach (string host in hosts)
        {
            if (tls is not null || IsLoopback(host))
                continue;
            if (!insecure)
                throw new ClusterLpException(ExitCode.Refused,
                    $"{host} can be reached from other machines, and anyone there could join: make certificates with clusterlp certs and give --tls-cert, --tls-key and --tls-ca, use a loopback address (127.0.0.1), or --insecure on a network you trust.");
            Log.Warning("--insecure: connections of {Host} are neither encrypted nor authenticated: whoever reaches them can read this job's messages and paths, join it, send it false results and end it", host);
            return;
        }
    }

    /// <summary>Whether only this machine reaches an address.</summary>
    public static bool IsLoopback(string host) =>
        host == "localhost" || IPAddress.TryParse(host, out IPAddress? address) && IPAddress.IsLoopback(address);

    private static string Level() =>
        Log.IsEnabled(LogEventLevel.Debug) ? "DEBUG" : Log.IsEnabled(LogEventLevel.Information) ? "INFO" : "WARNING";
}
