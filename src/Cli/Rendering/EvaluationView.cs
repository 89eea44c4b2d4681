using System.Globalization;
using ClusterLp.Core.Evaluation;
using Spectre.Console;

namespace ClusterLp.Cli.Rendering;

/// <summary>An evaluation as tables: the layer whole, its bands of frequency, its worst rows; ours beside SVD's.</summary>
internal static class EvaluationView
{
    public static void Write(IAnsiConsole console, EvaluationResult result)
    {
        foreach (LayerFidelity layer in result.Layers)
        {
            console.Say(string.Create(CultureInfo.InvariantCulture, $"{layer.Name}: {layer.Rows} x {layer.Columns}, rank {layer.Rank}; {Method(layer)} beside {Baseline(layer)}"));
            console.Write(Whole(layer, result));
            console.Write(Bands(layer));
            if (layer.Worst.Length > 0)
                console.Write(Worst(layer));
            if (layer.ZeroRows > 0)
                console.Say($" {Figures.Count((int)Math.Min(layer.ZeroRows, int.MaxValue), "row is", "rows are")} all zeros and left out of cosines, lengths and neighbours.");
        }
        console.Say(result.Frequencies is { } file
            ? $" Use ranks come from {file}."
            : " Use rank: the row's index, as in a vocabulary sorted by use; --row-weights gives real ones.");
        console.Say(" cosine: between a row and the compressed row. length: its norm over the row's. Overlap: share of the "
            + $"{result.Neighbours} nearest rows, by cosine, that stay the same.");
        if (result.Activations is { } inputs)
            console.Say($" Outputs: ||X A^T - X (UV)^T||_F / ||X A^T||_F, X from {inputs}.");
    }

    private static string Method(LayerFidelity layer) =>
        layer.Method == "lp" ? string.Create(CultureInfo.InvariantCulture, $"l_p, p = {layer.P}") : layer.Method == "svd" ? "as stored" : layer.Method;

    private static string Baseline(LayerFidelity layer) => layer.Baseline == "plain" ? "SVD" : $"SVD ({layer.Baseline})";

    private static Table Whole(LayerFidelity layer, EvaluationResult result)
    {
        Table table = Tables.Create(1, "layer", "compressed", "SVD");
        if (layer.Queries > 0)
            table.Add($"neighbour overlap@{result.Neighbours}, {layer.Queries} queries", Share(layer.Overlap.Ours), Share(layer.Overlap.Svd));
        table.Add("relative error", Share(layer.RelativeError.Ours), Share(layer.RelativeError.Svd));
        if (layer.Output is { } output)
            table.Add($"relative output error, {output.Inputs} inputs", Share(output.RelativeError.Ours), Share(output.RelativeError.Svd));
        return table;
    }

    private static Table Bands(LayerFidelity layer)
    {
        Table table = Tables.Create(0, "use rank", "error (SVD)", "cosine (SVD)", "length (SVD)", "overlap (SVD)");
        foreach (BandFidelity band in layer.Bands)
            table.Add(string.Create(CultureInfo.InvariantCulture, $"{band.FromRank}-{band.ToRank}"),
                Pair(band.RelativeError), Pair(band.MeanCosine), Pair(band.MeanNormRatio), band.Overlap is { } overlap ? Pair(overlap) : "-");
        return table;
    }

    private static Table Worst(LayerFidelity layer)
    {
        Table table = Tables.Create(1, "worst rows", "row", "error", "SVD", "cosine", "SVD");
        foreach (WorstRow row in layer.Worst)
            table.Add(row.Token is { } token ? ArchetypeWords.Printable(token) : "(no name)", row.Row.ToString(CultureInfo.InvariantCulture),
                Share(row.RelativeError.Ours), Share(row.RelativeError.Svd), Share(row.Cosine.Ours), Share(row.Cosine.Svd));
        return table;
    }

    private static string Pair(Fidelity pair) => string.Create(CultureInfo.InvariantCulture, $"{pair.Ours:F3} ({pair.Svd:F3})");

    private static string Share(double value) => value.ToString("F4", CultureInfo.InvariantCulture);
}
