using System.CommandLine;
using ClusterLp.Cli.Hosting;
using ClusterLp.Cli.Operations;
using ClusterLp.Cli.Rendering;
using ClusterLp.Cli.Running;
using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Commands;

/// <summary><c>compress</c>: the whole job in this process.</summary>
internal sealed class CompressCommand(Terminal terminal)
{
    private readonly JobOptions _job = new();
    private readonly Option<int?> _workers = OptionParsers.Whole("--workers", "N", "Worker actors in this process (default: 1); the factors do not depend on it.");
    private readonly Option<int?> _threads = OptionParsers.Whole("--threads", "N", "Threads of each worker (default: the cores, shared out); the factors do not depend on it.");
    private readonly Option<string?> _jobDirectory = new("--job-dir") { Description = "Keep intermediate results here; given again, an interrupted job goes on (default: a hidden folder beside the output, removed when the job is done).", HelpName = "DIR" };
    private readonly OperationsOptions _operations = new();
    private readonly Option<bool> _json = CommonOptions.Json();

    public Command Create()
    {
        var command = new Command("compress", "Replace large matrices of a model by two thin factors that are close in l_p.");
        _job.AddTo(command);
        foreach (Option option in new Option[] { _workers, _threads, _jobDirectory, _json })
            command.Options.Add(option);
        _operations.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parse, CancellationToken cancellation)
    {
        JobSpec spec = _job.Read(parse);
        int workers = parse.GetValue(_workers) ?? 1;
        int threads = parse.GetValue(_threads) ?? Math.Max(1, Environment.ProcessorCount / workers);
        var health = new Health();
        await using IAsyncDisposable operations = await _operations.StartAsync(parse, health);
        await using var job = new EmbeddedJob(new EmbeddedOptions(workers, threads) { Health = health });
        var run = new CompressionRun(terminal, parse.GetValue(CommonOptions.Quiet)) { Cores = Math.Min(Environment.ProcessorCount, workers * threads), Fitter = job };
        JobReport report = await run.RunAsync(spec, parse.GetValue(_jobDirectory), job.RunAsync, cancellation);
        ResultsView.Write(terminal, report, parse.GetValue(_json));
        return (int)ExitCode.Done;
    }
}
