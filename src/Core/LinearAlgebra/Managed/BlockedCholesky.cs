using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.LinearAlgebra.Managed;

/// <summary>A = L L^T, a block of columns after the other: what the earlier ones contribute comes from the GEMM.</summary>
internal static class BlockedCholesky
{
    private const int Block = 48;

    /// <summary>
    /// L into the lower triangle of <paramref name="a"/> (d x d row-major, which alone is read); the upper one is left
    /// undefined. False where a pivot is not positive. d^3/3 flops.
    /// </summary>
    public static bool Factor(double[] a, int d)
    {
        for (int from = 0; from < d; from += Block)
        {
            int width = Math.Min(Block, d - from);
            if (from > 0)
            {
                var minus = new double[width * from];
                for (int j = 0; j < width; j++)
                    for (int t = 0; t < from; t++)
                        minus[j * from + t] = -a[(from + j) * d + t];
                Gemm.Multiply(a.AsSpan(from * d), d, d - from, PackedMatrix<double>.FromTransposed(minus, from, width),
                    a.AsSpan(from * d + from), d, accumulate: true);
            }
            for (int i = from; i < d; i++)
            {
                Span<double> row = a.AsSpan(i * d + from, width);
                for (int j = 0; j < Math.Min(width, i - from); j++)
                {
                    ReadOnlySpan<double> pivotRow = a.AsSpan((from + j) * d + from, j + 1);
                    row[j] = (row[j] - FusedVectors.Dot(row[..j], pivotRow[..j])) / pivotRow[j];
                }
                if (i >= from + width)
                    continue;
                ReadOnlySpan<double> before = row[..(i - from)];
                double pivot = row[i - from] - FusedVectors.Dot(before, before);
                if (!(pivot > 0))
                    return false;
                row[i - from] = Math.Sqrt(pivot);
            }
        }
        return true;
    }
}
