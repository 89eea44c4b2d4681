using ClusterLp.Core.Jobs;
using ClusterLp.Core.Reporting;
using Spectre.Console;

namespace ClusterLp.Cli.Rendering;

/// <summary>A job's snapshot, and whether the process that wrote it still runs.</summary>
internal static class StatusView
{
    public static void Write(IAnsiConsole console, JobStatus status, bool? alive, DateTime now)
    {
        console.Say($"job {status.JobId}: {Phase(status, alive)}", status.Phase == JobPhase.Failed || IsDead(status, alive) ? Color.Red : null);
        console.Say($" {status.Input} -> {status.Output}");
        string left = status.RemainingSeconds is double remaining && !IsDead(status, alive) ? $", about {Figures.Duration(TimeSpan.FromSeconds(remaining))} left" : "";
        console.Say($" {Figures.Duration(TimeSpan.FromSeconds(status.ElapsedSeconds))} elapsed{left}; updated {Figures.Duration(now - status.Updated)} ago "
            + $"by process {status.Process.Pid} on {status.Process.Host}");
        if (status.Progress is not { } progress)
            return;
        Table table = Tables.Create(2, "tensor", "stage", "blocks", "done");
        foreach (TensorProgress tensor in progress.Tensors)
            table.Add(tensor.Name + (tensor.AutoP is double p ? $", {ResultWords.Power(p, auto: true)}" : ""), Figures.Stage(tensor.Stage) + (tensor.Reducing ? " (reducing)" : ""),
                tensor.Stage.Kind == StageKind.Done ? "" : $"{tensor.BlocksDone}/{tensor.Blocks}",
                tensor.Stage.Kind == StageKind.Done ? "" : Figures.Percent(tensor.StageShare));
        console.Write(table);
        console.Say($" {Figures.Count(progress.Workers, "worker", "workers")}, {Figures.Count(progress.BlocksCommitted, "block", "blocks")} committed, "
            + $"{Figures.Count(progress.Retries, "retry", "retries")}"
            + (progress.BlocksKept > 0 ? $", {Figures.Count(progress.BlocksKept, "block", "blocks")} kept from an earlier run." : "."));
    }

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
