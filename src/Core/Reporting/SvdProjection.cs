using ClusterLp.Core.Formats;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Reporting;

/// <summary>
/// The projection Q Q^T (d x d) onto the k leading right singular vectors of C^(1/2) A S, C the row weights and S the root of
/// a column metric: A S Q Q^T is the SVD that stands beside the factors, cut at rank k.
/// </summary>
internal static class SvdProjection
{
    private const double SmallestGap = 1e-9;

    /// <summary>From the float64 Gram A^T C A, O(n d^2 + d^3). Deterministic.</summary>
    /// <param name="a">A.</param>
    /// <param name="k">Rank.</param>
    /// <param name="rowWeights">File of the row weights, or null.</param>
    /// <param name="metric">The column metric, or null.</param>
    /// <param name="cancellation">Checked at every tile.</param>
    /// <returns>
    /// The projection (row-major) and whether it is unique: where singular values k and k + 1 coincide only the Frobenius error
    /// is. Also the Frobenius error in the metric of the SVD of A itself (0 without a metric).
    /// </returns>
    public static (double[] Projection, bool Unique, double PlainFrobenius) Of(
        IMatrixSource a, int k, string? rowWeights, MetricRoot? metric, CancellationToken cancellation)
    {
        int d = a.Columns;
        double[] gram = StreamedGram.Of(a, cancellation, rowWeights);
        int threads = Environment.ProcessorCount;
        double plain = 0;
        if (metric is not null)
        {
            double[] own = Complement(gram, d, k, out _, threads, cancellation);
            // tr(S (I - P) G (I - P) S).
            double[] left = MatrixProduct.Of(metric.Root, own, d, d, d, threads, cancellation);
            double[] both = MatrixProduct.Of(left, gram, d, d, d, threads, cancellation);
            for (int i = 0; i < d * d; i++)
                plain += both[i] * left[i];
            plain = metric.Unit * Math.Sqrt(Math.Max(plain, 0));
            gram = metric.Transform(gram, d, threads, cancellation);
        }
        double[] projection = Complement(gram, d, k, out bool unique, threads, cancellation);
        for (int i = 0; i < d * d; i++)
            projection[i] = (i / d == i % d ? 1 : 0) - projection[i];
        return (projection, unique, plain);
    }

    // I - Q Q^T, from the eigenvectors past the k-th.
    private static double[] Complement(double[] gram, int d, int k, out bool unique, int threads, CancellationToken cancellation)
    {
        (double[] values, double[] vectors) = Factorisations.SymmetricEigen(gram, d);
        unique = k >= d || values[k - 1] - values[k] > SmallestGap * values[0];
        double[] rows = vectors[(k * d)..], columns = new double[rows.Length];
        for (int t = 0; t < d - k; t++)
            for (int i = 0; i < d; i++)
                columns[i * (d - k) + t] = rows[t * d + i];
        return MatrixProduct.Of(columns, rows, d, d - k, d, threads, cancellation);
    }
}
