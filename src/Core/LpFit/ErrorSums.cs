namespace ClusterLp.Core.LpFit;

/// <summary>
/// Entrywise error sums of a residual R = A - UV, in float64 and in the matrix' own units; adding two covers both row sets.
/// </summary>
/// <param name="L1">sum |r_ij|.</param>
/// <param name="Lp">sum |r_ij|^p (not yet its p-th root).</param>
/// <param name="Squares">sum r_ij^2.</param>
/// <param name="MaxRow">max_i ||r_i||_2.</param>
/// <param name="WeightedLp">sum c_i |r_ij|^p; equals <paramref name="Lp"/> without row weights.</param>
public sealed record ErrorSums(double L1, double Lp, double Squares, double MaxRow, double WeightedLp)
{
    public static readonly ErrorSums Zero = new(0, 0, 0, 0, 0);

    public static ErrorSums operator +(ErrorSums a, ErrorSums b) =>
        new(a.L1 + b.L1, a.Lp + b.Lp, a.Squares + b.Squares, Math.Max(a.MaxRow, b.MaxRow), a.WeightedLp + b.WeightedLp);
}
