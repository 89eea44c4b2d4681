using System.Numerics;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.LinearAlgebra;

/// <summary>Products of small float64 matrices, for work done once a job. Every entry is summed in increasing order of the inner index: the bits depend on neither threads nor vector width.</summary>
public static class MatrixProduct
{
    /// <summary>A B, row-major: A is rows x inner, B inner x columns. O(rows inner columns).</summary>
    public static double[] Of(double[] a, double[] b, int rows, int inner, int columns, int threads, CancellationToken cancellation)
    {
        var product = new double[checked(rows * columns)];
        FixedPartition.For(rows, threads, cancellation, i =>
        {
            Span<double> line = product.AsSpan(i * columns, columns);
            for (int t = 0; t < inner; t++)
                AddMultiple(line, a[i * inner + t], b.AsSpan(t * columns, columns));
        });
        return product;
    }

    private static void AddMultiple(Span<double> to, double factor, ReadOnlySpan<double> from)
    {
        if (factor == 0)
            return;
        var factors = new Vector<double>(factor);
        int j = 0;
        for (; j <= to.Length - Vector<double>.Count; j += Vector<double>.Count)
            (new Vector<double>(to[j..]) + factors * new Vector<double>(from[j..])).CopyTo(to[j..]);
        for (; j < to.Length; j++)
            to[j] += factor * from[j];
    }
}
