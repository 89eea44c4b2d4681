using System.Collections.Immutable;
using System.Diagnostics;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Running;

/// <summary>Fits all tensors of a plan: embedded, or on a cluster. Blobs go to the job directory.</summary>
internal delegate Task<JobOutcome> FitAsync(JobPlan plan, string jobDirectory, IProgress<JobProgress> progress, CancellationToken cancellation);

/// <summary>The whole job but for the fit: plan, progress, output, report; whatever happens, no half output stays.</summary>
internal sealed class CompressionRun(Terminal terminal, bool quiet)
{
    /// <param name="spec">What to compute.</param>
    /// <param name="jobDirectory">Kept afterwards; null: a hidden folder beside the output, removed at the end.</param>
    /// <param name="fit">Who computes it.</param>
    /// <param name="cancellation">Stops and cleans up.</param>
    /// <exception cref="Core.ClusterLpException">Anything a person can act on, with its exit code.</exception>
    public async Task<JobReport> RunAsync(JobSpec spec, string? jobDirectory, FitAsync fit, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        JobPlan plan = await Task.Run(() => JobPlanner.Plan(spec), cancellation);
        // Taken before the fit: an output that cannot be written, or is being written by another run, costs no computing.
        using OutputDirectory output = OutputDirectory.Create(spec.Output, spec.Force);
        using var folder = JobFolder.Prepare(plan, output.Path, jobDirectory);
        double planned = clock.Elapsed.TotalSeconds;

        using var stopHashing = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task<InputSummary> input = Task.Run(() => Summarise(plan, stopHashing.Token), stopHashing.Token);
        await using var monitor = new JobMonitor(terminal, quiet, plan, folder.Path, output.Path);
        try
        {
            JobOutcome outcome = await fit(plan, folder.Path, monitor, cancellation);
            double fitted = clock.Elapsed.TotalSeconds;

            ImmutableArray<FileHash> files = await Task.Run(
                () => FactorisedModelWriter.Write(outcome.Plan, outcome.Fits, outcome.Blobs, output, monitor.Assembling(), cancellation), cancellation);
            InputSummary read = await input;
            double total = clock.Elapsed.TotalSeconds;
            JobReport report = ReportBuilder.Build(
                outcome, read, files, new JobTimes(planned, fitted - planned, total - fitted, total),
                Application.Tool, KernelSets.Active.ToString().ToLowerInvariant(), LinearAlgebraSetup.Description);
            output.WriteFile(OutputDirectory.ReportName, ReportJson.Write(report));
            cancellation.ThrowIfCancellationRequested();
            output.Commit();
            monitor.Ended(JobPhase.Done, null);
            return report;
        }
        catch (Exception e)
        {
            stopHashing.Cancel();
            bool interrupted = e is OperationCanceledException && cancellation.IsCancellationRequested;
            monitor.Ended(interrupted ? JobPhase.Interrupted : JobPhase.Failed, interrupted ? null : e.Message);
            throw;
        }
    }

    // Runs beside the fit: hashing is bound by the disk or, with SHA instructions, done long before the fit.
    private static InputSummary Summarise(JobPlan plan, CancellationToken cancellation)
    {
        using IModel model = ModelFiles.Open(plan.Tensors[0].Input);
        return new InputSummary(
            [.. model.Files.Select(file => FileHashing.Hash(file, cancellation))],
            model.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.ByteLength));
    }
}
