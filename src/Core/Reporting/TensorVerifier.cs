using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Reporting;

/// <summary>Recomputes the figures of one tensor from the input and the stored factors, in float64 products of its own.</summary>
/// <param name="report">What was reported.</param>
/// <param name="needed">The row weights and the column metric the job had.</param>
/// <param name="found">The files of them at hand; what needs one that is missing is left out.</param>
/// <param name="rowsDone">Told rows as they are done, from several threads.</param>
/// <param name="cancellation">Checked at every block of rows.</param>
internal sealed class TensorVerifier(TensorReport report, SideFiles needed, SideFiles found, Action<long> rowsDone, CancellationToken cancellation)
{
    /// <summary>Rounding of one float32 operation, relative to the magnitudes that went in.</summary>
    private const double Float32Rounding = 1.0 / (1 << 24);

    /// <summary>Passes over the rows that <see cref="Check"/> will make.</summary>
    public int Passes => (HasWeights && HasMetric ? needed.ColumnMetric is null ? 2 : 4 : HasMetric ? needed.ColumnMetric is null ? 1 : 2 : 1);

    private bool HasWeights => needed.RowWeights is null || found.RowWeights is not null;

    private bool HasMetric => needed.ColumnMetric is null || found.ColumnMetric is not null;

    /// <summary>Every figure that can be recomputed.</summary>
    /// <exception cref="ClusterLpException">The factors have other shapes, or the weights or the metric cannot be used (exit 65).</exception>
    public IEnumerable<VerifiedFigure> Check(IModel input, IModel output)
    {
        using IMatrixSource a = PlannedMatrix.Oriented(input, report.Name, report.Transposed);
        using IRowDecoder decoder = Models.Decoder(input, output, report, report.Transposed);
        (int d, int k) = (a.Columns, decoder.Rank);
        if (decoder.Rows != a.Rows || decoder.Columns != d)
            throw ClusterLpException.BadInput($"{output.Path}: \"{report.Name}\" is stored as {decoder.Rows} x {decoder.Columns}; expected {a.Rows} x {d}.");
        string? weights = HasWeights ? found.RowWeights : null;
        MetricRoot? metric = HasMetric && needed.ColumnMetric is not null ? Root(found.ColumnMetric!, d) : null;

        yield return Figure("rank", report.Rank, k, 0);
        ResidualSums sums = Sums(null, decoder);
        foreach (VerifiedFigure figure in OfErrors("", report.Errors, sums, sums, false).Concat(OfRatios("", report.RelativeLp, report.RelativeFrobenius, sums)))
            yield return figure;
        if (HasWeights && report.RelativeWeightedLp is double relative && sums.InputWeightedPower > 0)
            yield return Figure("relativeWeightedLp", relative, Math.Pow(sums.WeightedPower / sums.InputWeightedPower, 1 / report.P), Rounding(d));

        double[]? root = metric is null ? null : Array.ConvertAll(metric.Root, x => metric.Unit * x);
        ResidualSums inMetric = default;
        if (metric is not null && report.Metric is { } reported && decoder is ProductDecoder factors)
        {
            yield return Figure("metric.rank", reported.Rank, metric.Rank, 0);
            inMetric = Sums(root, factors.With(Product(factors.Right, root!, k)));
            foreach (VerifiedFigure figure in OfErrors("metric.", reported.Errors, inMetric, inMetric, false)
                .Concat(OfRatios("metric.", reported.RelativeLp, reported.RelativeFrobenius, inMetric)))
                yield return figure;
        }
        if (Models.Of(report).IsOwnBaseline)
            foreach (VerifiedFigure figure in OfErrors("svd.", report.Svd, sums, sums, false))
                yield return figure;
        if (!HasWeights || !HasMetric || Models.Of(report).IsOwnBaseline)
            yield break;
        (double[] projection, bool unique, double plainFrobenius) = SvdProjection.Of(a, report.SvdRank ?? k, weights, metric, cancellation);
        if (metric is null || report.Metric is not { } withMetric)
        {
            // The SVD's Frobenius error alone is unique, and without weights it is what was minimised.
            foreach (VerifiedFigure figure in OfErrors("svd.", report.Svd, Sums(null, Projected(projection)), sums, !unique))
                yield return figure;
            yield break;
        }
        double[] taken = Product(Product(metric.Root, projection, d), metric.Inverse, d);
        if (unique)
            foreach (VerifiedFigure figure in OfErrors("svd.", report.Svd, Sums(null, Projected(taken)), sums, false))
                yield return figure;
        foreach (VerifiedFigure figure in OfErrors("metric.svd.", withMetric.Svd, Sums(root, Projected(Product(root!, projection, d))), inMetric, !unique))
            yield return figure;
        if (withMetric.PlainSvdFrobenius is double plain)
            yield return Figure("metric.plainSvdFrobenius", plain, plainFrobenius, Rounding(d) * Math.Sqrt(inMetric.InputSquares));

        ResidualSums Sums(double[]? target, IRowDecoder of) => ResidualSums.Of(
            a, target is null ? null : PackedMatrix<double>.FromRows(target, d, d), of, report.P, weights, rowsDone, cancellation);

        ProductDecoder Projected(double[] by) => ProductDecoder.Borrowing(a, by, d);

        double[] Product(double[] left, double[] by, int rows) => MatrixProduct.Of(left, by, rows, d, d, Environment.ProcessorCount, cancellation);
    }

    private MetricRoot Root(string path, int d) =>
        MetricRoot.Of(ColumnMetric.Read(path, d), path, Environment.ProcessorCount, cancellation);

    private static double Rounding(int d) => Float32Rounding * Math.Sqrt(d);

    private VerifiedFigure Figure(string name, double reported, double recomputed, double slack) => new(report.Name, name, reported, recomputed,
        Math.Abs(reported - recomputed) <= OutputVerifier.Tolerance * Math.Abs(recomputed) + slack);

    // An entry of A - U V in float32 is off by some roundings of A's magnitude, whatever is left of it: where the factors are
    // all but exact, that is what both sides measure.
    private IEnumerable<VerifiedFigure> OfErrors(string prefix, Errors reported, ResidualSums found, ResidualSums norms, bool frobeniusOnly)
    {
        double entries = (double)report.Rows * report.Columns, floor = Rounding(report.Columns) * Math.Sqrt(norms.InputSquares), p = report.P;
        yield return Figure(prefix + "frobenius", reported.Frobenius, Math.Sqrt(found.Squares), floor);
        if (frobeniusOnly)
            yield break;
        yield return Figure(prefix + "l1", reported.L1, found.L1, floor * Math.Sqrt(entries));
        yield return Figure(prefix + "lp", reported.Lp, Math.Pow(found.Power, 1 / p), floor * Math.Pow(entries, 1 / p - 0.5));
        yield return Figure(prefix + "maxRow", reported.MaxRow, Math.Sqrt(found.MaxRowSquares), floor);
        if (HasWeights && reported.WeightedLp is double weighted)
            yield return Figure(prefix + "weightedLp", weighted, Math.Pow(found.WeightedPower, 1 / p),
                Rounding(report.Columns) * Math.Pow(norms.InputWeightedPower, 1 / p));
    }

    private IEnumerable<VerifiedFigure> OfRatios(string prefix, double relativeLp, double relativeFrobenius, ResidualSums sums)
    {
        if (!(sums.InputSquares > 0))
            yield break;
        yield return Figure(prefix + "relativeLp", relativeLp, Math.Pow(sums.Power / sums.InputPower, 1 / report.P), Rounding(report.Columns));
        yield return Figure(prefix + "relativeFrobenius", relativeFrobenius, Math.Sqrt(sums.Squares / sums.InputSquares), Rounding(report.Columns));
    }
}
