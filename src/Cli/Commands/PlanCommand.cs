using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using ClusterLp.Cli.Rendering;
using ClusterLp.Cli.Running;
using ClusterLp.Core;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Commands;

/// <summary>What <c>plan</c> found: a job before it is run.</summary>
internal sealed record PlannedJob(
    JobPlan Plan, JobForecast Forecast, JobEstimate Estimate, ImmutableArray<CarriedFile> Carried, long UntouchedBytes, int Threads);

/// <summary><c>plan</c>: a dry run of <c>compress</c>. Scans the tensors, and fits and writes nothing.</summary>
internal sealed class PlanCommand(Terminal terminal)
{
    private readonly JobOptions _job = new();
    private readonly Option<int?> _threads = OptionParsers.Whole("--threads", "N", "Threads to scan with, and to estimate the time for (default: the cores).");
    private readonly Option<bool> _json = CommonOptions.Json();

    public Command Create()
    {
        var command = new Command("plan", "Dry run of compress, with the same options: ranks, sizes, SVD's errors, time and memory, after one pass over the tensors.");
        _job.AddTo(command);
        command.Options.Add(_threads);
        command.Options.Add(_json);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parse, CancellationToken cancellation)
    {
        JobSpec spec = _job.Read(parse);
        int threads = parse.GetValue(_threads) ?? Environment.ProcessorCount;
        PlannedJob job;
        await using (var progress = new ShareProgress(terminal, parse.GetValue(CommonOptions.Quiet), "scan"))
            job = await Task.Run(() => Forecast(spec, threads, progress, cancellation), cancellation);
        if (parse.GetValue(_json))
            terminal.RawOut.WriteLine(JsonSerializer.Serialize(PlanView.Json(job), ReportJson.Options));
        else
            PlanView.Write(terminal.Out, job);
        return (int)ExitCode.Done;
    }

    private static PlannedJob Forecast(JobSpec spec, int threads, IProgress<double> progress, CancellationToken cancellation)
    {
        JobPlan plan = JobPlanner.Plan(spec, dryRun: true);
        using IModel model = ModelFiles.Open(spec.Input);
        HashSet<string> untouched = [.. plan.Skipped.Select(tensor => tensor.Name)];
        string scratch = Directory.CreateTempSubdirectory("clusterlp-plan-").FullName;
        try
        {
            JobForecast forecast = JobForecaster.Of(plan, JobStore.BlobsOf(scratch), threads, progress, cancellation);
            return new PlannedJob(plan, forecast, JobEstimate.Of(plan, forecast, threads), CarriedFiles.Of(spec.Input, model, spec.Output),
                model.Tensors.Where(tensor => untouched.Contains(tensor.Name)).Sum(tensor => tensor.ByteLength), threads);
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }
    }
}
