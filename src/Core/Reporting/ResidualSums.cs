using ClusterLp.Core.Formats;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.Reporting;

/// <summary>Sums over a residual and over A that the reported errors are made of, in float64 and the matrix' own units.</summary>
/// <param name="L1">sum |r_ij|.</param>
/// <param name="Power">sum |r_ij|^p.</param>
/// <param name="Squares">sum r_ij^2.</param>
/// <param name="MaxRowSquares">max_i ||r_i||^2.</param>
/// <param name="InputPower">sum |a_ij|^p.</param>
/// <param name="InputSquares">sum a_ij^2.</param>
internal readonly record struct ResidualSums(
    double L1, double Power, double Squares, double MaxRowSquares, double InputPower, double InputSquares)
{
    private const int ChunkRows = 1024;
    private const int TileRows = 64;

    /// <summary>
    /// Sums over A - L B for row blocks of A (n x d) and L (n x m), and B (m x d), multiplied in float64: O(n d m), on all
    /// cores. Deterministic: chunks of fixed size, added in order.
    /// </summary>
    /// <param name="a">A.</param>
    /// <param name="left">L: the stored U, or A itself where B is a projection.</param>
    /// <param name="right">B: the stored V, or a projection.</param>
    /// <param name="p">p in [1, 2].</param>
    /// <param name="rowsDone">Told the rows of every chunk, from several threads.</param>
    /// <param name="cancellation">Checked at every chunk.</param>
    public static ResidualSums Of(IMatrixSource a, IMatrixSource left, PackedMatrix<double> right, double p,
        Action<long> rowsDone, CancellationToken cancellation)
    {
        var chunks = new ResidualSums[(a.Rows + ChunkRows - 1) / ChunkRows];
        Parallel.For(0, chunks.Length, new ParallelOptions { CancellationToken = cancellation }, chunk =>
        {
            int rows = (int)Math.Min(ChunkRows, a.Rows - (long)chunk * ChunkRows);
            chunks[chunk] = Chunk(a, left, right, (long)chunk * ChunkRows, rows, p);
            rowsDone(rows);
        });
        return chunks.Aggregate((sum, chunk) => sum + chunk);
    }

    public static ResidualSums operator +(ResidualSums a, ResidualSums b) => new(
        a.L1 + b.L1, a.Power + b.Power, a.Squares + b.Squares, Math.Max(a.MaxRowSquares, b.MaxRowSquares),
        a.InputPower + b.InputPower, a.InputSquares + b.InputSquares);

    private static ResidualSums Chunk(IMatrixSource a, IMatrixSource left, PackedMatrix<double> right, long firstRow, int rows, double p)
    {
        (int d, int inner) = (a.Columns, left.Columns);
        float[] leftRows = new float[TileRows * inner], input = new float[TileRows * d];
        var product = new double[TileRows * d];
        ResidualSums sums = default;
        for (int row = 0; row < rows; row += TileRows)
        {
            int count = Math.Min(TileRows, rows - row);
            a.ReadRows(firstRow + row, count, input);
            left.ReadRows(firstRow + row, count, leftRows);
            Gemm.Multiply(leftRows, inner, count, right, product, d);
            for (int i = 0; i < count; i++)
                sums += Row(input.AsSpan(i * d, d), product.AsSpan(i * d, d), p);
        }
        return sums;
    }

    private static ResidualSums Row(ReadOnlySpan<float> a, ReadOnlySpan<double> product, double p)
    {
        double l1 = 0, power = 0, squares = 0, inputPower = 0, inputSquares = 0;
        for (int j = 0; j < a.Length; j++)
        {
            double x = Math.Abs((double)a[j]), r = Math.Abs(a[j] - product[j]);
            l1 += r;
            squares += r * r;
            power += Raise(r, p);
            inputSquares += x * x;
            inputPower += Raise(x, p);
        }
        return new ResidualSums(l1, power, squares, squares, inputPower, inputSquares);
    }

    private static double Raise(double x, double p) => p == 1 ? x : p == 1.5 ? x * Math.Sqrt(x) : p == 2 ? x * x : Math.Pow(x, p);
}
