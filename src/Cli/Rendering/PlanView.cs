using ClusterLp.Cli.Commands;
using ClusterLp.Core.Jobs;
using Spectre.Console;

namespace ClusterLp.Cli.Rendering;

/// <summary>A job before it is run: a line a tensor, then totals, what is carried along, time and memory.</summary>
internal static class PlanView
{
    private const int NamesShown = 6;

    public static void Write(IAnsiConsole console, PlannedJob job)
    {
        JobForecast forecast = job.Forecast;
        JobSpec spec = job.Plan.Spec;
        bool target = spec.TargetError is not null;
        // Names of layers are long, and eighty columns few.
        Table table = Tables.Create(1, ["tensor", "shape", "rank", "size", .. spec.AutoP ? ["p"] : Array.Empty<string>(), "SVD error", .. target ? ["expected"] : Array.Empty<string>()]);
        foreach (TensorForecast tensor in forecast.Tensors)
        {
            bool whole = tensor.Rank == RankAllotment.Whole;
            table.Add([tensor.Name, $"{tensor.Rows} x {tensor.Columns}", whole ? "whole" : $"{tensor.Rank}", Figures.Bytes(tensor.BytesAfter),
                .. spec.AutoP ? [whole ? "" : FormattableString.Invariant($"{tensor.P}")] : Array.Empty<string>(),
                whole ? "-" : tensor.SvdError is double error ? Figures.Percent(error) : $"< {Figures.Percent(tensor.ErrorAtMost ?? 1)}", .. target ? [Figures.Percent(tensor.ExpectedError ?? 0)] : Array.Empty<string>()]);
        }
        console.Write(table);
        bool equalSize = forecast.Tensors.Any(tensor => tensor.Model is not null);
        if (forecast.Tensors.Any(tensor => tensor.ErrorAtMost is not null))
            console.Say(target
                ? " SVD error: the sketch's upper bound on ||A - A_k||_F / ||A||_F at the rank it proposes; expected: its estimate. The iteration decides on the rank."
                : " SVD error: ||A - UV||_F / ||A||_F is at most this after the first pass, by what the iteration knows; the passes that follow lower it.");
        else
            console.Say($" SVD error: ||A - A_k||_F / ||A||_F of the SVD of {(equalSize ? "equal size" : "that rank")}, from the eigenvalues of the scanned A^T A. compress measures the same for SVD"
                + (equalSize ? "." : ", and no factors of that rank have less.") + (target ? " Expected: the relative l_p error of the first rank that will be tried." : ""));
        if (forecast.Tensors.Any(tensor => tensor.Rank == RankAllotment.Whole))
            console.Say(" whole: stays as it is, for what its factors would save is better saved elsewhere.");
        foreach (TiedTensor tie in job.Plan.Ties)
            console.Say($" {tie.Name} holds the data of {tie.Of} and gets the same factors.");
        if (job.Plan.TiesWordEmbeddings)
            console.Say(" config.json ties the output embedding to the input embedding.");
        foreach (SkippedTensor left in job.Plan.Skipped.Where(left => left.Reason.Contains("holds the data of", StringComparison.Ordinal)))
            console.Say($" {left.Name}: {left.Reason}.", Color.Yellow);

        (double before, double after) = Bytes(job);
        console.Say($" {Figures.Count(forecast.Tensors.Length + job.Plan.Ties.Length, "tensor", "tensors")}: {Figures.Bytes(before)} -> {Figures.Bytes(after)}, {Figures.Percent(1 - after / before)} smaller; "
            + $"{job.Plan.Skipped.Length} others of {Figures.Bytes(job.UntouchedBytes)} unchanged: the model has {Figures.Bytes(after + job.UntouchedBytes)} instead of {Figures.Bytes(before + job.UntouchedBytes)}.");
        if (job.Plan.Tensors[0].SharedBudget is long budget)
            console.Say(" " + ResultWords.Budget(Used(job), budget));
        if (!job.Carried.IsEmpty)
            console.Say($" Carried along: {Figures.Count(job.Carried.Length, "file", "files")}, {Figures.Bytes(job.Carried.Sum(file => (double)file.Bytes))}: "
                + $"{string.Join(", ", job.Carried.Select(file => file.Name).Take(NamesShown))}{(job.Carried.Length > NamesShown ? ", ..." : "")}.");
        console.Say($" On {Figures.Count(job.Threads, "thread", "threads")} of this machine about {Figures.Duration(TimeSpan.FromSeconds(job.Estimate.Seconds))}, "
            + $"{Figures.Bytes(job.Estimate.MemoryBytes)} of memory, {Figures.Bytes(job.Estimate.ScratchBytes)} of disk meanwhile.");
    }

    public static object Json(PlannedJob job)
    {
        (double before, double after) = Bytes(job);
        return new
        {
            parameters = job.Plan.Spec,
            tensors = job.Forecast.Tensors,
            ties = job.Plan.Ties,
            tiesWordEmbeddings = job.Plan.TiesWordEmbeddings,
            untouched = job.Plan.Skipped,
            untouchedBytes = job.UntouchedBytes,
            carried = job.Carried.Select(file => new { file.Name, file.Bytes }),
            bytesBefore = before,
            bytesAfter = after,
            budget = job.Plan.Tensors[0].SharedBudget is long elements ? new { elements, used = Used(job) } : null,
            threads = job.Threads,
            seconds = job.Estimate.Seconds,
            memoryBytes = job.Estimate.MemoryBytes,
            scratchBytes = job.Estimate.ScratchBytes,
        };
    }

    private static long Used(PlannedJob job) => job.Forecast.Tensors.Sum(tensor => RankAllotment.Elements(tensor.Rows, tensor.Columns, tensor.Rank));

    private static (double Before, double After) Bytes(PlannedJob job)
    {
        double Total(Func<TensorForecast, long> bytes) => job.Forecast.Tensors.Sum(tensor => (1.0 + job.Plan.Ties.Count(tie => tie.Of == tensor.Name)) * bytes(tensor));
        return (Total(tensor => tensor.BytesBefore), Total(tensor => tensor.BytesAfter));
    }
}
