using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;

namespace ClusterLp.Core.FactorModels.Krylov;

/// <summary>A block's part of a pass: sum_i c_i a_i (a_i^T X) over its rows, d x b float64, in this thread's array until its next block.</summary>
internal static class KrylovPass
{
    private const int TileRows = 256, StripColumns = 256;

    [ThreadStatic] private static double[]? _sum;

    /// <summary>From full rows. 4 count d b flops.</summary>
    /// <param name="rows">count x d row-major.</param>
    /// <param name="count">Rows.</param>
    /// <param name="c">Their weights; empty: all 1.</param>
    /// <param name="x">X, d x b.</param>
    /// <param name="context">When to stop.</param>
    public static double[] Multiply(ReadOnlySpan<float> rows, int count, ReadOnlySpan<double> c, PackedMatrix<double> x, StepContext context)
    {
        (int d, int b) = (x.Inner, x.Columns);
        double[] sum = Empty(d * b);
        var left = new double[TileRows * b];
        var turned = new float[TileRows * StripColumns];
        for (int first = 0; first < count; first += TileRows)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Progress?.Invoke((double)first / count);
            int height = Math.Min(TileRows, count - first);
            ReadOnlySpan<float> tile = rows.Slice(first * d, height * d);
            Gemm.Multiply(tile, d, height, x, left, b);
            for (int i = 0; i < height && !c.IsEmpty; i++)
                foreach (ref double value in left.AsSpan(i * b, b))
                    value *= c[first + i];
            PackedMatrix<double> right = PackedMatrix<double>.FromRows(left, height, b);
            for (int column = 0; column < d; column += StripColumns)
            {
                int width = Math.Min(StripColumns, d - column);
                Turn(tile, d, height, column, width, turned);
                Gemm.Multiply(turned, height, width, right, sum.AsSpan(column * b, width * b), b, accumulate: true);
            }
        }
        return sum;
    }

    /// <summary>From stored entries. 4 b flops an entry.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="c">Their weights; empty: all 1.</param>
    /// <param name="x">X, d x b row-major.</param>
    /// <param name="b">b.</param>
    /// <param name="context">When to stop.</param>
    public static double[] Multiply(SparseRows rows, ReadOnlySpan<double> c, double[] x, int b, StepContext context)
    {
        double[] sum = Empty(x.Length);
        using var clock = KernelClock.Measure(KernelKind.Product);
        var left = new double[b];
        for (int i = 0; i < rows.Count; i++)
        {
            if (i % TileRows == 0)
            {
                context.Cancellation.ThrowIfCancellationRequested();
                context.Progress?.Invoke((double)i / rows.Count);
            }
            ReadOnlySpan<int> columns = rows.ColumnsOf(i);
            ReadOnlySpan<float> values = rows.ValuesOf(i);
            left.AsSpan().Clear();
            for (int e = 0; e < columns.Length; e++)
                FusedVectors.AddScaled(left, values[e], x.AsSpan(columns[e] * b, b));
            double weight = c.IsEmpty ? 1 : c[i];
            for (int e = 0; e < columns.Length; e++)
                FusedVectors.AddScaled(sum.AsSpan(columns[e] * b, b), weight * values[e], left);
        }
        return sum;
    }

    // Of this very length: it is written as it is.
    private static double[] Empty(int length)
    {
        if (_sum?.Length != length)
            _sum = GC.AllocateUninitializedArray<double>(length, pinned: true);
        _sum.AsSpan().Clear();
        return _sum;
    }

    // Columns [column, column + width) of a tile (height x d) as rows, width x height.
    private static void Turn(ReadOnlySpan<float> tile, int d, int height, int column, int width, float[] turned)
    {
        const int side = 16;
        for (int top = 0; top < height; top += side)
            for (int left = 0; left < width; left += side)
                for (int i = top; i < Math.Min(top + side, height); i++)
                    for (int j = left; j < Math.Min(left + side, width); j++)
                        turned[j * height + i] = tile[i * d + column + j];
    }
}
