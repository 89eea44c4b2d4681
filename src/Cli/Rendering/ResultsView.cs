using ClusterLp.Core.Jobs;
using ClusterLp.Core.Reporting;
using Spectre.Console;

namespace ClusterLp.Cli.Rendering;

/// <summary>What a job came to: sizes, then l_p beside SVD, then the same in words.</summary>
internal static class ResultsView
{
    /// <summary>Beyond this many tensors, one line each instead of one table each.</summary>
    private const int MostTables = 4;

    public static void Write(Terminal terminal, JobReport report, bool json)
    {
        if (json)
            terminal.RawOut.Write(System.Text.Encoding.UTF8.GetString(ReportJson.Write(report)));
        else
            Write(terminal.Out, report);
    }

    public static void Write(IAnsiConsole console, JobReport report)
    {
        console.Write(Sizes(report, brief: report.Tensors.Length > MostTables));
        if (report.Tensors.Length <= MostTables)
            foreach (TensorReport tensor in report.Tensors)
            {
                if (report.Tensors.Length > 1)
                    console.Say(tensor.Name, Color.Blue);
                console.Write(ErrorTable(tensor));
                foreach (string sentence in ResultWords.Of(tensor))
                    console.Say(" " + sentence);
                if (tensor.Simplex is { } simplex)
                    ArchetypeWords.Write(console, simplex);
                console.WriteLine();
            }
        else
        {
            console.Write(Ratios(report));
            console.Say($" Errors divided by those of {ResultWords.Baseline(report)}: below 1 is better than SVD. Row: the largest row's.");
            foreach (TensorReport tensor in report.Tensors.Where(ResultWords.NeedsAWord))
                console.Say($" {tensor.Name}: {ResultWords.Of(tensor).First()}");
            console.WriteLine();
        }
        foreach (TiedTensor tie in report.Ties)
            console.Say($" {tie.Name} held the data of {tie.Of} and has the same factors.");
        if (report.Budget is { KeptWhole: [_, ..] whole })
            console.Say($" Kept whole, for what their factors would save is better saved elsewhere: {string.Join(", ", whole.Take(4))}{(whole.Length > 4 ? $" and {whole.Length - 4} more" : "")}.");
        if (report.Tensors.Length > 1 || report.Budget is not null)
            console.Say(Together(report));
        string carried = (report.Untouched.Length == 0 ? "" : $"; {report.Untouched.Length} other tensors unchanged")
            + (report.Carried.IsEmpty ? "" : $"; {Figures.Count(report.Carried.Length, "other file", "other files")} copied");
        console.Say($" {report.Parameters.Output}: {string.Join(", ", report.Outputs.Select(file => file.Path).Take(3))}"
            + $"{(report.Outputs.Length > 3 ? $" and {report.Outputs.Length - 3} more" : "")}, clusterlp.json, clusterlp.md{carried}. "
            + $"{Figures.Error(Math.Round(report.Seconds.Total, 1))} s (fit {Figures.Error(Math.Round(report.Seconds.Fit, 1))} s).");
    }

    private static string Together(JobReport report)
    {
        double before = report.Tensors.Sum(tensor => (double)tensor.BytesBefore), after = report.Tensors.Sum(tensor => (double)tensor.BytesAfter);
        return $" Together {Figures.Bytes(before)} -> {Figures.Bytes(after)}, {Figures.Percent(1 - after / before)} smaller"
            + (report.Budget is { } budget ? "; " + ResultWords.Budget(budget.Used, budget.Elements) : ".");
    }

    // Of many tensors, which are layers with long names, only what fits beside these.
    private static Table Sizes(JobReport report, bool brief)
    {
        Table table = Tables.Create(1, ["tensor", "shape", "rank", .. brief ? Array.Empty<string>() : ["size"], "smaller"]);
        foreach (TensorReport tensor in report.Tensors)
            table.Add([tensor.Name, $"{tensor.Rows} x {tensor.Columns}", $"{tensor.Rank}",
                .. brief ? Array.Empty<string>() : [$"{Figures.Bytes(tensor.BytesBefore)} -> {Figures.Bytes(tensor.BytesAfter)}"],
                Figures.Percent(1 - tensor.BytesAfter / (double)tensor.BytesBefore)]);
        return table;
    }

    private static Table ErrorTable(TensorReport tensor)
    {
        Table table = Tables.Create(1, "error", ResultWords.MethodName(tensor), "SVD", "ratio");
        Errors ours = tensor.Errors, svd = tensor.Svd;
        void Add(string name, double a, double b) => table.Add(name, Figures.Error(a), Figures.Error(b), Figures.Ratio(a, b));
        if (tensor.Metric is { } metric)
        {
            if (metric.Errors.WeightedLp is double a && metric.Svd.WeightedLp is double b)
                Add($"in the metric, row-weighted {ResultWords.NormName(tensor.P)}", a, b);
            if (tensor.P != 2)
                Add($"in the metric, {ResultWords.NormName(tensor.P)}", metric.Errors.Lp, metric.Svd.Lp);
            Add("in the metric, Frobenius", metric.Errors.Frobenius, metric.Svd.Frobenius);
        }
        if (ours.WeightedLp is double weighted && svd.WeightedLp is double weightedSvd)
            Add($"row-weighted {ResultWords.NormName(tensor.P)}", weighted, weightedSvd);
        if (tensor.P is not (1 or 2))
            Add(ResultWords.NormName(tensor.P), ours.Lp, svd.Lp);
        Add("l_1", ours.L1, svd.L1);
        Add("Frobenius", ours.Frobenius, svd.Frobenius);
        Add(tensor.Transposed ? "largest column" : "largest row", ours.MaxRow, svd.MaxRow);
        return table;
    }

    private static Table Ratios(JobReport report)
    {
        Table table = Tables.Create(1, "error / SVD's", "l_p", "l_1", "Frobenius", "row");
        foreach (TensorReport tensor in report.Tensors)
            table.Add(tensor.Name,
                Figures.Ratio(tensor.Errors.Lp, tensor.Svd.Lp), Figures.Ratio(tensor.Errors.L1, tensor.Svd.L1),
                Figures.Ratio(tensor.Errors.Frobenius, tensor.Svd.Frobenius), Figures.Ratio(tensor.Errors.MaxRow, tensor.Svd.MaxRow));
        return table;
    }
}
