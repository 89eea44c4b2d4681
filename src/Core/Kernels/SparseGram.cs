using System.Runtime.CompilerServices;

namespace ClusterLp.Core.Kernels;

/// <summary>Weighted Gram matrices of sparse rows, float64 sums; on the calling thread.</summary>
public static class SparseGram
{
    // Multiply-adds of the dense kernel in the time of one here (bench/sparse-inputs prints both); a power of two, so that it
    // says the same on every machine.
    private const long DensePerSparse = 64;

    /// <summary>
    /// Whether <see cref="AccumulateUpper"/> beats <see cref="Gram.AccumulateUpper"/>, by the number of products alone:
    /// sum nnz_i^2 against count d^2. O(count).
    /// </summary>
    public static bool IsFaster(SparseRows rows, int d)
    {
        Int128 pairs = 0;
        for (int i = 0; i < rows.Count; i++)
            pairs += (long)rows.ColumnsOf(i).Length * rows.ColumnsOf(i).Length;
        return pairs * DensePerSparse <= (Int128)rows.Count * d * d;
    }

    /// <summary>
    /// Adds sum_i w_i a_i a_i^T over rows [first, first + count) to the upper triangle (diagonal included) of
    /// <paramref name="gram"/> (d x d row-major); the strict lower triangle is left alone. O(sum nnz_i^2). Entry (s, t) is
    /// one chain of multiplications and additions (w_i a_is) a_it over the rows in order, without fusing: the bits depend on the rows alone.
    /// </summary>
    /// <param name="rows">Columns below d.</param>
    /// <param name="first">The first row to add.</param>
    /// <param name="count">How many rows to add.</param>
    /// <param name="d">Columns.</param>
    /// <param name="weights">A weight for each of all the rows, of any sign, or empty for all ones.</param>
    /// <param name="gram">d x d row-major.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AccumulateUpper(SparseRows rows, int first, int count, int d, ReadOnlySpan<double> weights, Span<double> gram)
    {
        using var clock = KernelClock.Measure(KernelKind.Gram);
        for (int i = first; i < first + count; i++)
        {
            ReadOnlySpan<int> columns = rows.ColumnsOf(i);
            ReadOnlySpan<float> values = rows.ValuesOf(i)[..columns.Length];
            double weight = weights.IsEmpty ? 1 : weights[i];
            for (int s = 0; s < columns.Length; s++)
            {
                double factor = weight * values[s];
                Span<double> row = gram.Slice(columns[s] * d, d);
                for (int t = s; t < columns.Length; t++)
                    row[columns[t]] += factor * values[t];
            }
        }
    }
}
