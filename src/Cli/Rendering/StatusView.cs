using ClusterLp.Core.Jobs;
using ClusterLp.Core.Reporting;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace ClusterLp.Cli.Rendering;

/// <summary>A job's snapshot, and whether the process that wrote it still runs.</summary>
internal static class StatusView
{
    /// <summary>More are counted, not listed.</summary>
    private const int MostWorkers = 20;

    /// <summary>All of it: the job, its tensors, its workers.</summary>
    public static IRenderable Of(JobStatus status, bool? alive, DateTime now)
    {
        bool dead = IsDead(status, alive);
        string left = status.RemainingSeconds is double remaining && !dead ? $", about {Figures.Duration(TimeSpan.FromSeconds(remaining))} left" : "";
        var parts = new List<IRenderable>
        {
            new Text($"job {status.JobId}: {Phase(status, alive)}", status.Phase == JobPhase.Failed || dead ? new Style(foreground: Color.Red) : Style.Plain),
            new Text($" {status.Input} -> {status.Output}"),
            new Text($" {Figures.Duration(TimeSpan.FromSeconds(status.ElapsedSeconds))} elapsed{left}; updated {Figures.Duration(now - status.Updated)} ago "
                + $"by process {status.Process.Pid} on {status.Process.Host}"),
        };
        if (status.Progress is { } progress)
        {
            parts.Add(Tensors(progress));
            parts.Add(new Text($" {Summary(status, progress)}"
                + (progress.BlocksKept > 0 ? $", {Figures.Count(progress.BlocksKept, "block", "blocks")} kept from an earlier run." : ".")));
            if (!progress.Members.IsDefaultOrEmpty && status.Phase == JobPhase.Fitting)
                parts.Add(Workers(progress));
        }
        return new Rows(parts);
    }

    /// <summary>The same in one line, for where nothing can be redrawn.</summary>
    public static string Line(JobStatus status, bool? alive)
    {
        string share = status.Share is double done ? $", {Figures.Percent(done)} done" : "";
        string left = status.RemainingSeconds is double remaining ? $", about {Figures.Duration(TimeSpan.FromSeconds(remaining))} left" : "";
        return $"job {status.JobId}: {Phase(status, alive)}{share}{(status.Progress is { } progress ? ", " + Summary(status, progress) : "")}{left}";
    }

    private static string Summary(JobStatus status, JobProgress progress) =>
        $"{Figures.Count(progress.Workers, "worker", "workers")}, {Figures.Count(progress.BlocksCommitted, "block", "blocks")} committed, "
        + (status.RowsPerSecond is double rate ? $"{Figures.Count(rate)} rows/s, " : "") + Figures.Count(progress.Retries, "retry", "retries")
        + (progress.Speculative > 0 ? ", " + Figures.Count(progress.Speculative, "speculative copy", "speculative copies") : "");

    private static Table Tensors(JobProgress progress)
    {
        Table table = Tables.Create(2, "tensor", "stage", "blocks", "done");
        foreach (TensorProgress tensor in progress.Tensors)
            table.Add(tensor.Name + (tensor.AutoP is double p ? $", {ResultWords.Power(p, auto: true)}" : ""), Figures.Stage(tensor.Stage) + (tensor.Reducing ? " (reducing)" : ""),
                tensor.Stage.Kind == StageKind.Done ? "" : $"{tensor.BlocksDone}/{tensor.Blocks}",
                tensor.Stage.Kind == StageKind.Done ? "" : Figures.Percent(tensor.StageShare));
        return table;
    }

    private static Table Workers(JobProgress progress)
    {
        Table table = Tables.Create(1, "worker", "slots", "in work", "committed");
        foreach (WorkerProgress worker in progress.Members.Take(MostWorkers))
            table.Add(worker.Worker, Number(worker.Slots), Number(worker.BlocksLeased), Number(worker.BlocksCommitted));
        if (progress.Members.Length > MostWorkers)
            table.Add($"and {progress.Members.Length - MostWorkers} more", "", "", "");
        return table;
    }

    private static string Number(int value) => value.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static bool IsDead(JobStatus status, bool? alive) => alive == false && (status.Phase is JobPhase.Fitting or JobPhase.Assembling);

    private static string Phase(JobStatus status, bool? alive) => status.Phase switch
    {
        JobPhase.Done => "done",
        JobPhase.Failed => $"failed: {status.Error}",
        JobPhase.Interrupted => "interrupted",
        _ when alive == false => "its process is gone without finishing; run the same command again",
        JobPhase.Assembling => "writing the output" + Elsewhere(alive),
        _ => "running" + Elsewhere(alive),
    };

    private static string Elsewhere(bool? alive) => alive is null ? " on another machine, by its own account" : "";
}
