using ClusterLp.Core.Formats;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;

namespace ClusterLp.Core.Reporting;

/// <summary>The projection Q Q^T (d x d) onto the k leading right singular vectors of A: A Q Q^T is its SVD cut at rank k.</summary>
internal static class SvdProjection
{
    private const int TileRows = 512;
    private const double SmallestGap = 1e-9;

    /// <summary>From the float64 Gram A^T A, O(n d^2 + d^3). Deterministic.</summary>
    /// <returns>
    /// The projection, and whether it is unique: where singular values k and k + 1 coincide only the Frobenius error is.
    /// </returns>
    public static (PackedMatrix<double> Projection, bool Unique) Of(IMatrixSource a, int k, CancellationToken cancellation)
    {
        int d = a.Columns;
        var gram = new double[d * d];
        var tile = new float[TileRows * d];
        for (long row = 0; row < a.Rows; row += TileRows)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = (int)Math.Min(TileRows, a.Rows - row);
            a.ReadRows(row, count, tile);
            Gram.AccumulateUpper(tile, count, d, [], gram);
        }
        Gram.MirrorUpper(gram, d);
        (double[] values, double[] vectors) = Factorisations.SymmetricEigen(gram, d);
        bool unique = k >= d || values[k - 1] - values[k] > SmallestGap * values[0];

        var projection = new double[d * d];
        Parallel.For(0, d, i =>
        {
            Span<double> line = projection.AsSpan(i * d, d);
            for (int t = 0; t < k; t++)
            {
                double left = vectors[t * d + i];
                ReadOnlySpan<double> vector = vectors.AsSpan(t * d, d);
                for (int j = 0; j < line.Length; j++)
                    line[j] += left * vector[j];
            }
        });
        return (PackedMatrix<double>.FromRows(projection, d, d), unique);
    }
}
