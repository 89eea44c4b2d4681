using System.CommandLine;
using System.Net;
using ClusterLp.Cli.Hosting;
using ClusterLp.Core;

namespace ClusterLp.Cli.Commands;

/// <summary><c>worker</c>: joins a coordinator, computes blocks until the job ends.</summary>
internal static class WorkerCommand
{
    public static Command Create()
    {
        Option<DnsEndPoint?> coordinator = OptionParsers.EndPoint("--coordinator", "Where the coordinator listens.", portZero: false);
        coordinator.Required = true;
        var host = new Option<string?>("--host") { Description = "This worker's own address (default: 127.0.0.1).", HelpName = "HOST" };
        Option<int?> threads = OptionParsers.Whole("--threads", "N", "Blocks computed at once (default: the cores).");
        var jobDirectory = new Option<string?>("--job-dir") { Description = "Where this machine has the job directory (default: what the coordinator serves, or else its path).", HelpName = "DIR" };
        var insecure = new Option<bool>("--insecure") { Description = "Allow an address other than loopback without TLS." };
        var command = new Command("worker", "Join a cluster and compute blocks until its job is done.") { coordinator, host, threads, jobDirectory, insecure };
        command.SetAction(async (parse, cancellation) =>
        {
            DnsEndPoint target = parse.GetValue(coordinator)!;
            var options = new WorkerOptions(
                target.Host, target.Port, parse.GetValue(host) ?? "127.0.0.1", parse.GetValue(threads) ?? Environment.ProcessorCount, parse.GetValue(insecure))
            {
                JobDirectory = parse.GetValue(jobDirectory),
            };
            await WorkerProcess.RunAsync(options, cancellation);
            return (int)ExitCode.Done;
        });
        return command;
    }
}
