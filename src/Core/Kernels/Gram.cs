namespace ClusterLp.Core.Kernels;

/// <summary>Weighted Gram matrices, float32 rows in, float64 sums; on the calling thread.</summary>
public static class Gram
{
    /// <summary>
    /// Adds sum_i w_i a_i a_i^T to the upper triangle (diagonal included) of <paramref name="gram"/> (d x d row-major);
    /// the strict lower triangle is left alone. <paramref name="rows"/>: count x d row-major; <paramref name="weights"/>:
    /// count values, or empty for all ones. Rows are added in order: the bits do not depend on the instruction set.
    /// </summary>
    public static void AccumulateUpper(ReadOnlySpan<float> rows, int count, int d, ReadOnlySpan<double> weights, Span<double> gram)
    {
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<float> row = rows.Slice(i * d, d);
            double w = weights.IsEmpty ? 1 : weights[i];
            for (int s = 0; s < d; s++)
            {
                double left = w * row[s];
                for (int t = s; t < d; t++)
                    gram[s * d + t] = Math.FusedMultiplyAdd(left, row[t], gram[s * d + t]);
            }
        }
    }

    /// <summary>Copies the upper triangle onto the lower one.</summary>
    public static void MirrorUpper(Span<double> gram, int d)
    {
        for (int s = 1; s < d; s++)
            for (int t = 0; t < s; t++)
                gram[s * d + t] = gram[t * d + s];
    }
}
