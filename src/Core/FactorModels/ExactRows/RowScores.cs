using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.FactorModels.ExactRows;

/// <summary>
/// What rank-k factors of A (n x d) would gain if a row were stored by itself: s_i = c_i ||a_i - a_i V^T V||^2 + l h_i^2, with V the
/// k leading eigenvectors of G = A^T C A, l its next eigenvalue, and h_i = c_i a_i^T G^-1 a_i the row's leverage. Thread-safe.
/// </summary>
/// <remarks>
/// Without row i the least squared error falls by at least its residual, and by l at most (interlacing), which is what a row with
/// an axis for itself (h_i = 1) is worth: it has no residual, and it costs the others that axis. A row that shares its axis with
/// others like it has their share of h. G has a ridge of 1e-10 tr(G) / d, so that it can be inverted.
/// The leverage bounds the score: s_i &lt;= l (h_i + h_i^2). And a row's leverage within some of the rows is never less than within
/// all of them, which is what makes one pass find the heavy ones (Kannan, Bhattacharyya, Kacham and Woodruff 2024, "LevAttention",
/// arXiv 2410.05462, section 3: universal sets).
/// </remarks>
internal sealed class RowScores
{
    /// <summary>How far float32 residuals may be off, relatively.</summary>
    private const double Rounding = 1e-5;

    private readonly OrthonormalBasis _basis;
    private readonly Kernels.PackedMatrix<double>[] _inverse;
    private readonly double _next, _negligible;

    /// <param name="basis">G's eigenvectors, cut at k.</param>
    /// <param name="eigenvalues">Its eigenvalues, descending, d.</param>
    /// <param name="inverse">Inverse Cholesky factor of the ridged G (<see cref="LewisWeights.InverseFactor"/>), d x d.</param>
    public RowScores(OrthonormalBasis basis, double[] eigenvalues, double[] inverse)
    {
        (_basis, _inverse) = (basis, LewisWeights.Pack(inverse, basis.D));
        double ridge = 1e-10 * Math.Max(0, eigenvalues.Sum()) / basis.D;
        _next = (basis.CoRank == 0 ? 0 : Math.Max(0, eigenvalues[basis.Rank])) + ridge;
        _negligible = 1e-12 * Math.Max(0, eigenvalues[0]);
    }

    /// <summary>c_i a_i^T G^-1 a_i of rows whose (packed, ridged) Gram has this inverse factor. O(count d^2).</summary>
    public static double[] Leverage(ReadOnlySpan<float> rows, int count, int d, ReadOnlySpan<double> c, Kernels.PackedMatrix<double>[] inverse, CancellationToken cancellation)
    {
        var leverage = new double[count];
        LewisWeights.Update(rows, count, d, inverse, c, 2, leverage, cancellation);
        return leverage;
    }

    /// <summary>s_i of <paramref name="count"/> rows (count x d, in G's units). O(count d^2).</summary>
    public double[] Of(ReadOnlySpan<float> rows, int count, ReadOnlySpan<double> c, CancellationToken cancellation)
    {
        double[] leverage = Leverage(rows, count, _basis.D, c, _inverse, cancellation);
        var scores = new double[count];
        _basis.SquaredResiduals(rows, count, scores, cancellation);
        for (int i = 0; i < count; i++)
            scores[i] = c[i] * scores[i] + _next * leverage[i] * leverage[i];
        return scores;
    }

    /// <summary>No row of at most this leverage has a larger score.</summary>
    public double Bound(double leverage) => (1 + Rounding) * ((_next + _negligible) * leverage + _next * leverage * leverage);
}
