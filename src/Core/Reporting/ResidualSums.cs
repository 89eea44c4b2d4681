using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Reporting;

/// <summary>Sums over a residual and over A that the reported errors are made of, in float64 and the matrix' own units.</summary>
/// <param name="L1">sum |r_ij|.</param>
/// <param name="Power">sum |r_ij|^p.</param>
/// <param name="Squares">sum r_ij^2.</param>
/// <param name="MaxRowSquares">max_i ||r_i||^2.</param>
/// <param name="WeightedPower">sum c_i |r_ij|^p.</param>
/// <param name="InputPower">sum |a_ij|^p.</param>
/// <param name="InputSquares">sum a_ij^2.</param>
/// <param name="InputWeightedPower">sum c_i |a_ij|^p.</param>
internal readonly record struct ResidualSums(
    double L1, double Power, double Squares, double MaxRowSquares, double WeightedPower, double InputPower, double InputSquares, double InputWeightedPower)
{
    private const int ChunkRows = 1024;
    private const int TileRows = 64;

    /// <summary>
    /// Sums over A T - B for row blocks of A (n x d) and of an approximation B, decoded in float64, on all cores. Deterministic: chunks of fixed size, added in order.
    /// </summary>
    /// <param name="a">A.</param>
    /// <param name="metric">T, d x d: the root of a column metric; null for the identity.</param>
    /// <param name="approximation">B: what is stored, or a projection of A.</param>
    /// <param name="p">p in [1, 2].</param>
    /// <param name="rowWeights">File of the c_i; null for ones.</param>
    /// <param name="rowsDone">Told the rows of every chunk, from several threads.</param>
    /// <param name="cancellation">Checked at every chunk.</param>
    public static ResidualSums Of(IMatrixSource a, PackedMatrix<double>? metric, IRowDecoder approximation, double p,
        string? rowWeights, Action<long> rowsDone, CancellationToken cancellation)
    {
        var chunks = new ResidualSums[(a.Rows + ChunkRows - 1) / ChunkRows];
        try
        {
            Parallel.For(0, chunks.Length, new ParallelOptions { CancellationToken = cancellation }, chunk =>
            {
                long first = (long)chunk * ChunkRows;
                int rows = (int)Math.Min(ChunkRows, a.Rows - first);
                chunks[chunk] = Chunk(a, metric, approximation, first, RowWeights.Read(rowWeights, a.Rows, first, rows), p);
                rowsDone(rows);
            });
        }
        catch (AggregateException e) when (e.InnerException is ClusterLpException known)
        {
            throw known;
        }
        return chunks.Aggregate((sum, chunk) => sum + chunk);
    }

    public static ResidualSums operator +(ResidualSums a, ResidualSums b) => new(
        a.L1 + b.L1, a.Power + b.Power, a.Squares + b.Squares, Math.Max(a.MaxRowSquares, b.MaxRowSquares), a.WeightedPower + b.WeightedPower,
        a.InputPower + b.InputPower, a.InputSquares + b.InputSquares, a.InputWeightedPower + b.InputWeightedPower);

    private static ResidualSums Chunk(
        IMatrixSource a, PackedMatrix<double>? metric, IRowDecoder approximation, long firstRow, double[] c, double p)
    {
        int d = a.Columns;
        var input = new float[TileRows * d];
        double[] target = new double[TileRows * d], product = new double[TileRows * d];
        ResidualSums sums = default;
        for (int row = 0; row < c.Length; row += TileRows)
        {
            int count = Math.Min(TileRows, c.Length - row);
            a.ReadRows(firstRow + row, count, input);
            if (metric is not null)
                Gemm.Multiply(input, d, count, metric, target, d);
            else
                for (int i = 0; i < count * d; i++)
                    target[i] = input[i];
            approximation.Decode(firstRow + row, count, product);
            for (int i = 0; i < count; i++)
                sums += Row(target.AsSpan(i * d, d), product.AsSpan(i * d, d), c[row + i], p);
        }
        return sums;
    }

    private static ResidualSums Row(ReadOnlySpan<double> target, ReadOnlySpan<double> product, double c, double p)
    {
        double l1 = 0, power = 0, squares = 0, inputPower = 0, inputSquares = 0;
        for (int j = 0; j < target.Length; j++)
        {
            double x = Math.Abs(target[j]), r = Math.Abs(target[j] - product[j]);
            l1 += r;
            squares += r * r;
            power += Raise(r, p);
            inputSquares += x * x;
            inputPower += Raise(x, p);
        }
        return new ResidualSums(l1, power, squares, squares, c * power, inputPower, inputSquares, c * inputPower);
    }

    private static double Raise(double x, double p) => p == 1 ? x : p == 1.5 ? x * Math.Sqrt(x) : p == 2 ? x * x : Math.Pow(x, p);
}
