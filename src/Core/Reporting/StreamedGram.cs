using ClusterLp.Core.Formats;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Reporting;

/// <summary>A^T C A of a matrix read once, a fixed part of its rows after the other. Deterministic.</summary>
internal static class StreamedGram
{
    private const int TileRows = 512;

    /// <summary>Sees rows that were read: count x d row-major, of which the first is row <paramref name="first"/> of the matrix.</summary>
    public delegate void Look(ReadOnlySpan<float> rows, long first, int count);

    /// <summary>The sum, d x d, both triangles, float64. O(n d^2); holds one part of the rows.</summary>
    /// <param name="a">A.</param>
    /// <param name="cancellation">Checked at every part.</param>
    /// <param name="rowWeights">File of c; null: 1.</param>
    /// <param name="look">Told of each part before it is added, and may refuse it.</param>
    public static double[] Of(IMatrixSource a, CancellationToken cancellation, string? rowWeights = null, Look? look = null)
    {
        int d = a.Columns;
        var gram = new double[d * d];
        var tile = new float[TileRows * d];
        for (long row = 0; row < a.Rows; row += TileRows)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = (int)Math.Min(TileRows, a.Rows - row);
            a.ReadRows(row, count, tile);
            look?.Invoke(tile.AsSpan(0, count * d), row, count);
            Gram.AccumulateUpper(tile, count, d, rowWeights is null ? [] : RowWeights.Read(rowWeights, a.Rows, row, count), gram);
        }
        Gram.MirrorUpper(gram, d);
        return gram;
    }
}
