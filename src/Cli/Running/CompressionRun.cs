using System.Collections.Immutable;
using System.Diagnostics;
using System.Text;
using ClusterLp.Core;
using ClusterLp.Core.Evaluation;
using ClusterLp.Core.Faults;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Storage;
using ClusterLp.Core.Telemetry;
using Serilog;

namespace ClusterLp.Cli.Running;

/// <summary>Fits all tensors of a job: embedded, or on a cluster.</summary>
internal delegate Task<JobOutcome> FitAsync(JobStore store, IProgress<JobProgress> progress, CancellationToken cancellation);

/// <summary>
/// The whole job but for the fit: plan, job directory, progress, output, report. Whatever happens, no half output stays,
/// and what is committed can be gone on from.
/// </summary>
internal sealed class CompressionRun(Terminal terminal, bool quiet)
{
    /// <summary>Cores this process computes on; null: other processes compute.</summary>
    public int? Cores { get; init; }

    /// <summary>Who computes; stopped before the job directory is given up, so that nothing is written there afterwards.</summary>
    public IAsyncDisposable? Fitter { get; init; }

    /// <param name="spec">What to compute.</param>
    /// <param name="jobDirectory">Kept afterwards; null: a hidden folder beside the output, removed when the job is done.</param>
    /// <param name="fit">Who computes it.</param>
    /// <param name="cancellation">Stops and cleans up.</param>
    /// <exception cref="ClusterLpException">Anything a person can act on, with its exit code.</exception>
    public async Task<JobReport> RunAsync(JobSpec spec, string? jobDirectory, FitAsync fit, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        DateTime began = DateTime.UtcNow;
        KernelTimes before = KernelClock.Read();
        if (jobDirectory is not null && AlreadyDone(spec, jobDirectory) is { } done)
            return done;
        JobPlan plan = await Task.Run(() => JobPlanner.Plan(spec), cancellation);
        Log.Logger = Log.ForContext("job", plan.Id.Value);
        JobFolder folder = JobFolder.For(plan, jobDirectory);
        JobStore store = await Task.Run(
            () => JobStore.Open(folder.Path, plan, new JobPolicy(), folder.Durable, blobs => Say($"resuming: checking {blobs} kept results"), cancellation),
            cancellation);
        var end = ExitCode.Internal;
        using Activity? span = JobSpan.Start(store, began);
        try
        {
            JobReport report = await RunAsync(spec, store, fit, total => Cores is { } count ? KernelUse.Of(KernelClock.Read() - before, count, total) : null, clock, cancellation);
            end = ExitCode.Done;
            return report;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            end = ExitCode.Interrupted;
            throw;
        }
        catch (ClusterLpException e)
        {
            end = e.Code;
            throw;
        }
        finally
        {
            if (Fitter is not null)
                await Fitter.DisposeAsync();
            span?.End(end);
            store.Dispose();
            if (folder.Leave(end))
                Say($"what is computed is kept in {folder.Path}: the same command goes on from it");
        }
    }

    private async Task<JobReport> RunAsync(
        JobSpec spec, JobStore store, FitAsync fit, Func<double, KernelUse?> kernels, Stopwatch clock, CancellationToken cancellation)
    {
        JobPlan plan = store.Plan;
        if (store.Epoch.Value > 1)
            Say($"resuming: {store.State.Kept} committed blocks kept{(store.Lost > 0 ? $", {store.Lost} results or records damaged" : "")} (epoch {store.Epoch})");
        // Taken before the fit: an output that cannot be written, or is being written by another run, costs no computing.
        using OutputDirectory output = OutputDirectory.Create(spec.Output, spec.Force, new OutputOwner(plan.Id.Value, store.Epoch.Value));
        double planned = clock.Elapsed.TotalSeconds;

        using var stopHashing = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        // On a thread of its own: of the pool there are as many as cores, and the actor system is starting on them.
        Task<InputSummary> input = OwnThread.Run(() =>
        {
            ThreadNiceness.GiveWay();
            return Summarise(store, stopHashing.Token);
        }, stopHashing.Token);
        await using var monitor = new JobMonitor(terminal, quiet, plan, store.Path, output.Path);
        try
        {
            JobOutcome outcome = await fit(store, monitor, cancellation);
            double fitted = clock.Elapsed.TotalSeconds;

            Failpoint.Reach(Failpoint.OutputAssemble);
            using Activity? writing = Tracing.Start("output", ActivityKind.Internal, Activity.Current?.Context ?? default);
            WrittenFiles files = await Task.Run(() => Write(outcome, output, monitor.Assembling(), cancellation), cancellation);
            InputSummary read = await input;
            double total = clock.Elapsed.TotalSeconds;
            JobReport report = Named(plan, ReportBuilder.Build(
                outcome, read, files, new JobTimes(planned, fitted - planned, total - fitted, total) { Kernels = kernels(total) },
                Application.Tool, KernelSets.Active.ToString().ToLowerInvariant(), LinearAlgebraSetup.Description));
            output.WriteFile(CarriedFiles.CardName, Encoding.UTF8.GetBytes(ModelCard.Of(report)));
            output.WriteFile(OutputDirectory.ReportName, ReportJson.Write(report));
            InputRecord.Conclude(store.Inputs, store.Path, read.Files);
            Failpoint.Reach(Failpoint.OutputCommit);
            cancellation.ThrowIfCancellationRequested();
            store.EnsureOwned();
            output.Commit();
            writing?.Stop();
            monitor.Ended(JobPhase.Done, null);
            return report;
        }
        catch (Exception e)
        {
            stopHashing.Cancel();
            bool interrupted = e is OperationCanceledException && cancellation.IsCancellationRequested;
            if (!interrupted)
                // A run that was taken over stumbles over what its successor did; that is not what went wrong.
                store.EnsureOwned();
            monitor.Ended(interrupted ? JobPhase.Interrupted : JobPhase.Failed, interrupted ? null : e.Message);
            throw;
        }
    }

    // With words for the rows it names, where the job or the model has some.
    private static JobReport Named(JobPlan plan, JobReport report)
    {
        if (!report.Tensors.Any(tensor => tensor.Simplex is not null))
            return report;
        if (plan.Spec.Vocabulary is { } file)
            return ArchetypeNames.With(report, Vocabulary.Read(file));
        using IModel model = ModelFiles.Open(plan.Tensors[0].Input);
        return model.Vocabulary is { } own ? ArchetypeNames.With(report, new Vocabulary(own)) : report;
    }

    private static WrittenFiles Write(JobOutcome outcome, OutputDirectory output, IProgress<double> progress, CancellationToken cancellation)
    {
        ImmutableArray<FileHash> files = FactorisedModelWriter.Write(outcome.Plan, outcome.Fits, outcome.Blobs, output, progress, cancellation, outcome.Place);
        using IModel model = ModelFiles.Open(outcome.Plan.Tensors[0].Input);
        return new WrittenFiles(files, CarriedFiles.Copy(CarriedFiles.Of(outcome.Plan.Spec.Input, model, output.Path), output, cancellation));
    }

    // A coordinator that is started again by its supervisor, having died between its last two steps.
    private JobReport? AlreadyDone(JobSpec spec, string jobDirectory)
    {
        string report = StoredFiles.Combine(StoredFiles.Absolute(spec.Output), OutputDirectory.ReportName);
        if (spec.Force || !StoredFiles.Exists(report) || JobRecord.Read(StoredFiles.Absolute(jobDirectory)) is not { } known || !JobRecord.Answers(known, spec))
            return null;
        JobReport found = ReportJson.Read(report);
        if (found.JobId != known.Id.Value)
            return null;
        Say("the output of this job is already there");
        return found;
    }

    private void Say(string line)
    {
        if (!quiet)
            terminal.Note(line);
    }

    // Runs beside the fit: hashing is bound by the disk or, with SHA instructions, done long before the fit.
    private static InputSummary Summarise(JobStore store, CancellationToken cancellation)
    {
        using IModel model = ModelFiles.Open(store.Plan.Tensors[0].Input);
        ImmutableArray<FileHash> files = [.. model.Files.Select(file => FileHashing.Hash(file, cancellation))];
        InputRecord.AddHashes(store.Path, files, store.Blobs.IsDurable);
        return new InputSummary(files, model.Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.ByteLength));
    }
}
