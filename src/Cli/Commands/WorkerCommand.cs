using System.CommandLine;
using System.Net;
using ClusterLp.Cli.Hosting;
using ClusterLp.Cli.Operations;
using ClusterLp.Core;

namespace ClusterLp.Cli.Commands;

/// <summary><c>worker</c>: joins a coordinator, computes blocks until the job ends.</summary>
internal static class WorkerCommand
{
    public static Command Create()
    {
        Option<DnsEndPoint?> coordinator = OptionParsers.EndPoint("--coordinator", "Where the coordinator listens.", portZero: false);
        coordinator.Required = true;
        Option<string?> host = OptionParsers.Host("The name or address others reach this worker by (default: 127.0.0.1).");
        Option<DnsEndPoint?> listen = OptionParsers.EndPoint("--listen", "Where this worker listens, if not on --host and a free port (a container: 0.0.0.0 and a port that is let through).", portZero: true);
        Option<int?> threads = OptionParsers.Whole("--threads", "N", "Blocks computed at once (default: the cores).");
        var jobDirectory = new Option<string?>("--job-dir") { Description = "Where this machine has the job directory (default: what the coordinator serves, or else its path).", HelpName = "DIR" };
        Option<TimeSpan?> rejoin = OptionParsers.Duration("--rejoin-timeout", "How long to look for the coordinator, at first and after losing it (default: 5m).");
        Option<TimeSpan?> drain = OptionParsers.Duration("--drain-timeout", "How long blocks in work may take after SIGTERM or Ctrl-C (default: 30s).");
        var operations = new OperationsOptions();
        var tls = new TlsOptions();
        var roots = new RootOptions();
        var command = new Command("worker", "Join a cluster and compute blocks until its job is done.") { coordinator, host, listen, threads, jobDirectory, rejoin, drain };
        operations.AddTo(command);
        tls.AddTo(command);
        roots.AddTo(command);
        command.SetAction(async (parse, cancellation) =>
        {
            DnsEndPoint target = parse.GetValue(coordinator)!;
            NodeAddress own = parse.GetValue(listen) is { } bind
                ? new NodeAddress(bind.Host, bind.Port, parse.GetValue(host))
                : new NodeAddress(parse.GetValue(host) ?? "127.0.0.1", 0);
            var options = new WorkerOptions(target, own, parse.GetValue(threads) ?? Environment.ProcessorCount, tls.IsInsecure(parse))
            {
                JobDirectory = parse.GetValue(jobDirectory),
                Tls = tls.Load(parse),
                Roots = roots.Read(parse, parse.GetValue(jobDirectory), own.Bind, own.Public, target.Host),
            };
            options = options with
            {
                RejoinTimeout = parse.GetValue(rejoin) ?? options.RejoinTimeout, DrainTimeout = parse.GetValue(drain) ?? options.DrainTimeout,
            };
            await using IAsyncDisposable running = await operations.StartAsync(parse, options.Health);
            await WorkerProcess.RunAsync(options, cancellation);
            return (int)ExitCode.Done;
        });
        return command;
    }
}
