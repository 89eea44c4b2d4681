using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.Evaluation;

/// <summary>Sums over rows a of a layer and rows b of its approximation; adding two covers both.</summary>
/// <param name="ErrorSquares">sum ||a - b||^2.</param>
/// <param name="Cosines">sum cos(a, b).</param>
/// <param name="LeastCosine">min cos(a, b).</param>
/// <param name="NormRatios">sum ||b|| / ||a||.</param>
internal readonly record struct DriftSums(double ErrorSquares, double Cosines, double LeastCosine, double NormRatios)
{
    public static readonly DriftSums None = new(0, 0, double.PositiveInfinity, 0);

    public static DriftSums operator +(DriftSums a, DriftSums b) => new(
        a.ErrorSquares + b.ErrorSquares, a.Cosines + b.Cosines, Math.Min(a.LeastCosine, b.LeastCosine), a.NormRatios + b.NormRatios);
}

/// <summary>What happened to one row: its error's square, cosine and norm ratio.</summary>
internal readonly record struct RowDrift(double ErrorSquares, double Cosine, double NormRatio)
{
    /// <summary>A row of zeros has no direction: cosine and ratio are NaN. One that became zeros: 0.</summary>
    /// <param name="a">The row.</param>
    /// <param name="b">What became of it.</param>
    /// <param name="norm">||a||.</param>
    /// <param name="normAfter">||b||.</param>
    /// <param name="difference">Receives a - b; may be b.</param>
    public static RowDrift Of(ReadOnlySpan<float> a, ReadOnlySpan<float> b, double norm, double normAfter, Span<float> difference)
    {
        double dot = PowerSums.Dot(a, b);
        Difference.Of(a, b, difference);
        return new RowDrift(PowerSums.Squares(difference),
            norm == 0 ? double.NaN : normAfter == 0 ? 0 : Math.Clamp(dot / norm / normAfter, -1, 1), norm == 0 ? double.NaN : normAfter / norm);
    }
}

/// <summary>The sums of one band of rows.</summary>
internal readonly record struct BandSums(long Rows, long ZeroRows, double Squares, DriftSums Ours, DriftSums Svd)
{
    public static readonly BandSums None = new(0, 0, 0, DriftSums.None, DriftSums.None);

    public static BandSums operator +(BandSums a, BandSums b) =>
        new(a.Rows + b.Rows, a.ZeroRows + b.ZeroRows, a.Squares + b.Squares, a.Ours + b.Ours, a.Svd + b.Svd);

    public static BandSums OfRow(double norm, RowDrift ours, RowDrift svd) => norm == 0
        ? new(1, 1, 0, DriftSums.None with { ErrorSquares = ours.ErrorSquares }, DriftSums.None with { ErrorSquares = svd.ErrorSquares })
        : new(1, 0, norm * norm, Sums(ours), Sums(svd));

    private static DriftSums Sums(RowDrift row) => new(row.ErrorSquares, row.Cosine, row.Cosine, row.NormRatio);
}
