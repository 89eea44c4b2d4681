using System.Globalization;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Rendering;

/// <summary>What the figures of one tensor mean, whichever way they came out.</summary>
internal static class ResultWords
{
    /// <summary>Differences below this share are called none.</summary>
    private const double Negligible = 0.0005;

    /// <summary>Relative errors below this are float32 rounding, and comparing them says nothing.</summary>
    private const double Rounding = 2e-6;

    /// <summary>"l_1.5"; "Frobenius" for p = 2.</summary>
    public static string NormName(double p) => p == 2 ? "Frobenius" : string.Create(CultureInfo.InvariantCulture, $"l_{p}");

    /// <summary>"p = 1.37", and whether it was chosen or given.</summary>
    public static string Power(double p, bool auto) => string.Create(CultureInfo.InvariantCulture, $"p = {p}{(auto ? " (auto)" : "")}");

    /// <summary>The heading of our column.</summary>
    public static string MethodName(TensorReport tensor) => tensor.Method switch
    {
        "lp" => "l_p, " + Power(tensor.P, tensor.AutoP is not null),
        "svd" or "krylov" => "as stored",
        _ => tensor.Method,
    };

    /// <summary>Whether a tensor among many needs a word: SVD does as well, or rows are not within the tolerance.</summary>
    public static bool NeedsAWord(TensorReport tensor)
    {
        if (tensor.Method is "svd" or "krylov" || tensor.P == 2)
            return false;
        (Errors ours, Errors svd) = tensor.Metric is { } metric ? (metric.Errors, metric.Svd) : (tensor.Errors, tensor.Svd);
        return tensor.RowsAboveTolerance > 0 || !((ours.WeightedLp ?? ours.Lp) < (svd.WeightedLp ?? svd.Lp) * (1 - Negligible));
    }

    /// <summary>What a budget that tensors share was spent on.</summary>
    public static string Budget(long used, long elements) =>
        $"{Figures.Count(used)} of {Figures.Count(elements)} elements are used, shared out by what lowers the sum of squared SVD errors most.";

    /// <summary>Sentences, the most important first.</summary>
    public static IEnumerable<string> Of(TensorReport tensor)
    {
        // What was minimised, and by which SVD's the same.
        (Errors ours, Errors svd) = tensor.Metric is { } metric ? (metric.Errors, metric.Svd) : (tensor.Errors, tensor.Svd);
        string where = tensor.Metric is null ? "" : " in the metric";
        bool weighted = ours.WeightedLp is not null && svd.WeightedLp is not null;
        string relative = $"{(100 * (tensor.Metric?.RelativeLp ?? tensor.RelativeLp)).ToString("G3", CultureInfo.InvariantCulture)} % of the matrix' {NormName(tensor.P)} norm{where} is lost";
        if (tensor.Krylov is { } krylov)
        {
            yield return $"This is the SVD by block Krylov iteration, stored as {tensor.FactorType}; no other stands beside it; {relative}.";
            yield return $"{Figures.Count(krylov.Passes, "pass", "passes")} with {Figures.Count(krylov.BlockSize, "vector", "vectors")} each span {Figures.Count(krylov.Dimensions)} dimensions"
                + (krylov.Passes > 1 ? $"; the last pass lowered the bound on the Frobenius error by {Figures.Percent(krylov.LastGain)}." : ".");
        }
        else if (tensor.Method == "svd")
            yield return $"This is the SVD itself, stored as {tensor.FactorType}; {relative}.";
        else if ((tensor.Metric?.RelativeLp ?? tensor.RelativeLp) < Rounding)
            yield return $"The matrix has this rank up to rounding, and so have both fits; {relative}.";
        else if (tensor is { Method: "lp", P: 2, Subspaces: null })
            yield return $"At p = 2 the best factors are the SVD's; {relative}.";
        else
        {
            double change = (weighted ? Ratio(ours.WeightedLp!.Value, svd.WeightedLp!.Value) : Ratio(ours.Lp, svd.Lp)) - 1;
            string norm = (weighted ? "Row-weighted " : "") + NormName(tensor.P);
            string other = tensor.P == 2 ? "" : $"; Frobenius {Compared(Ratio(ours.Frobenius, svd.Frobenius) - 1)}{Must(ours, svd, weighted, tensor.Model is null)}";
            yield return change < -Negligible
                ? $"{norm} error{where} {Compared(change)} than {Rival(tensor)}{other}."
                : $"{norm} error{where} {(change > Negligible ? $"{Compared(change)} than" : "the same as")} {Rival(tensor)}{other}: "
                    + (tensor.Simplex is not null ? "weights that are not negative and sum to 1 have their price."
                        : $"{(tensor.Method == "lp" ? "l_p" : tensor.Method)} did not help here, and --method svd does as well at this size.");
            yield return relative + ".";
        }
        if (tensor.Subspaces is { } subspaces)
            yield return $"Each row lies in one of {subspaces.Count} subspaces, which have from {Figures.Count(subspaces.Sizes.Min())} to {Figures.Count(subspaces.Sizes.Max())} rows: the best of {Figures.Count(subspaces.Restarts, "start", "starts")} on {Figures.Count(tensor.CoresetRows)} rows, and {Figures.Count(tensor.RefineRounds, "round", "rounds")} on all.";
        if (tensor.Simplex is { } simplex)
            yield return $"Rows are convex mixtures of {tensor.Rank} archetypes, each the mean of {(simplex.Averaged == 1 ? "one extreme row" : $"{Figures.Count(simplex.Averaged)} extreme rows")}{(simplex.Refined == 0 ? "" : $", moved in {Figures.Count(simplex.Refined, "round", "rounds")} to lower the error")}; given these, every row is within {Share(tensor.LargestGap ?? 0)} % of its best error.";
        if (tensor.ExactRows is { } exact)
            yield return $"{Figures.Count(exact.Count)} of {Figures.Count(tensor.Rows)} rows are stored as they are, found in {(exact.Passes == 1 ? "one pass" : $"{exact.Passes} passes")} over the input.";
        if (tensor.JointObjective is { } joint)
            yield return $"{Figures.Count(tensor.JointRounds, "joint round", "joint rounds")} made it {Compared(Ratio(tensor.Errors.WeightedLp ?? tensor.Errors.Lp, joint.Start) - 1)} than the subspace fit's projection.";
        if (tensor.Method == "lp" && tensor.LargestGap > 0)
            yield return $"Given V, every row of U is within {Share(tensor.LargestGap.Value)} % of its best {NormName(tensor.P)} error, and {Sum(tensor, weighted)} within {Share(tensor.SumGap ?? 0)} % of the least.";
        if (tensor.ActiveColumns is { } active)
            foreach (string sentence in InSample(tensor, active))
                yield return sentence;
        if (tensor.Embedding is not null)
            yield return $"Rows were scored by sparse embeddings in {Figures.Count(tensor.LewisRounds, "Lewis round", "Lewis rounds")}.";
        if (tensor.RowsAboveTolerance > 0)
            yield return $"{tensor.RowsAboveTolerance} of {tensor.Rows} rows did not come within the tolerance of {Share(tensor.Tolerance ?? 0)} % before their iterations ran out.";
        if (tensor.Metric is { PlainSvdFrobenius: double plain } inMetric)
            yield return $"SVD of the matrix itself, blind to the metric, has a Frobenius error of {Figures.Error(plain)} in it: ours is {Compared(Ratio(inMetric.Errors.Frobenius, plain) - 1)}.";
        if (tensor.Metric is { } singular && singular.Rank < tensor.Columns)
            yield return $"The metric has rank {singular.Rank} of {tensor.Columns}: what the matrix does in the other directions is not kept.";
        if (tensor.AutoP is { } chosen)
            yield return $"{Power(tensor.P, auto: true)}: the likeliest shape of a generalised Gaussian for what SVD of rank {chosen.Rank} leaves of {chosen.SampleRows} rows"
                + (chosen.TailIndex is double tail ? $"; its largest 1 % fall off with tail index {tail.ToString("G2", CultureInfo.InvariantCulture)}." : ".");
        if (tensor.Search is { } search)
            yield return Found(search);
    }

    /// <summary>What the errors of a job's tensors stand beside: the SVD of the same rank where what is stored is U and V.</summary>
    public static string Baseline(JobReport report) => report.Tensors.All(tensor => tensor.Model is null) ? "SVD at the same rank" : "the SVD of equal size";

    /// <summary>The SVD beside it.</summary>
    private static string Rival(TensorReport tensor) =>
        tensor.Model is null ? "SVD's at the same rank" : $"that of the SVD of equal size, rank {tensor.SvdRank ?? tensor.Rank}";

    private static IEnumerable<string> InSample(TensorReport tensor, ActiveColumnsReport active)
    {
        int columns = tensor.Transposed ? checked((int)tensor.Rows) : tensor.Columns;
        yield return $"U is solved in {active.Drawn} of {columns} columns, and how far it is from optimal is not certified: on {active.ComparedRows} rows its {NormName(tensor.P)} error is {(Math.Abs(active.ErrorRatio - 1) <= Negligible ? "the same as" : Compared(active.ErrorRatio - 1) + " than")} solved in all columns."
            + (active.ProjectedRows > 0 ? $" {active.ProjectedRows} rows stayed projected, for the sample made them no better." : "");
        string theory = $"The theory's error bound at {active.Asked} columns is of order {Share(active.Epsilon)} %; for 1 % it asks for {Figures.Count(active.ColumnsForOnePercent)} columns";
        yield return theory + (active.ColumnsForOnePercent > columns ? ", more than there are." : ".")
            + (2 * tensor.Rank > columns ? " With a rank of more than half the columns a sample can save little." : "");
    }

    private static string Found(RankSearch search)
    {
        string from = search switch
        {
            { Sketch: { } sketch } => $"a sketch, which proposed rank {sketch.Rank}, expected to leave {Figures.Error(sketch.Expected)}"
                + (sketch is { Lower: double low, Upper: double high } ? $" (between {Figures.Error(low)} and {Figures.Error(high)}), and the iteration for it gave the rest" : ", beyond what it tells of"),
            { From: RankSource.Gram } => "the Gram matrix' eigenvalues",
            _ => $"regressions of {search.SampleRows} rows",
        };
        string raised = search.Tries.Length == 1 ? ""
            : $" Before, {string.Join(", ", search.Tries.SkipLast(1).Select(last => $"rank {last.Rank} had {Figures.Error(last.Measured ?? 0)}"))}.";
        return $"The target error is met: rank {search.Tries[^1].Rank} has a relative error of {Figures.Error(search.Tries[^1].Measured ?? 0)} on all rows; the first rank came from {from}.{raised}";
    }

    private static string Share(double part) => (100 * part).ToString("G2", CultureInfo.InvariantCulture);

    private static string Sum(TensorReport tensor, bool weighted) =>
        string.Create(CultureInfo.InvariantCulture, $"the{(weighted ? " row-weighted" : "")} sum of |r|{(tensor.P == 1 ? "" : $"^{tensor.P}")}");

    // SVD has the least Frobenius error of all matrices of its rank (Eckart and Young), unless its rows were weighted.
    private static string Must(Errors ours, Errors svd, bool weighted, bool sameRank) =>
        !weighted && sameRank && ours.Frobenius > svd.Frobenius * (1 + Negligible) ? ", as must be for p < 2" : "";

    private static string Compared(double change) =>
        Math.Abs(change) <= Negligible ? "the same" : $"{Figures.Percent(Math.Abs(change))} {(change < 0 ? "lower" : "higher")}";

    private static double Ratio(double ours, double theirs) => theirs > 0 ? ours / theirs : ours > 0 ? double.PositiveInfinity : 1;
}
