using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.LinearAlgebra;

/// <summary>
/// Products of flat float64 matrices, a few rows of very many columns, row-major: scalar products of their rows, and combinations of
/// them. The bits depend on neither threads nor instruction set (<see cref="Gemm"/>).
/// </summary>
internal static class RowCombinations
{
    private const int GroupRows = 48, StripColumns = 512;

    /// <summary>L R^T, m x n, of L (m x d) and R (n x d). O(m n d); R is packed, which takes its memory once more.</summary>
    public static double[] Products(double[] left, int m, double[] right, int n, int d, int threads, CancellationToken cancellation)
    {
        var products = new double[checked(m * n)];
        if (products.Length == 0 || d == 0)
            return products;
        PackedMatrix<double> packed = PackedMatrix<double>.FromTransposed(right.AsSpan(0, n * d), d, n);
        FixedPartition.For((m + GroupRows - 1) / GroupRows, threads, cancellation, group =>
        {
            int first = group * GroupRows, count = Math.Min(GroupRows, m - first);
            Gemm.Multiply(left.AsSpan(first * d, count * d), d, count, packed, products.AsSpan(first * n, count * n), n);
        });
        return products;
    }

    /// <summary>sum (m x d) += C R, of C (m x n) and R (n x d). O(m n d).</summary>
    public static void Add(double[] coefficients, int m, double[] rows, int n, int d, double[] sum, int threads, CancellationToken cancellation)
    {
        if (m == 0 || n == 0)
            return;
        FixedPartition.For((d + StripColumns - 1) / StripColumns, threads, cancellation, strip =>
        {
            int first = strip * StripColumns, width = Math.Min(StripColumns, d - first);
            var part = new double[n * width];
            for (int i = 0; i < n; i++)
                rows.AsSpan(i * d + first, width).CopyTo(part.AsSpan(i * width));
            Gemm.Multiply(coefficients, n, m, PackedMatrix<double>.FromRows(part, n, width), sum.AsSpan(first), d, accumulate: true);
        });
    }

    /// <summary>The transpose, columns x rows, of a matrix (rows x columns), every entry multiplied by <paramref name="factor"/>.</summary>
    public static double[] Transpose(ReadOnlySpan<double> matrix, int rows, int columns, double factor = 1)
    {
        const int tile = 32;
        var transposed = new double[checked(rows * columns)];
        for (int top = 0; top < rows; top += tile)
            for (int left = 0; left < columns; left += tile)
                for (int i = top; i < Math.Min(top + tile, rows); i++)
                    for (int j = left; j < Math.Min(left + tile, columns); j++)
                        transposed[j * rows + i] = factor * matrix[i * columns + j];
        return transposed;
    }
}
