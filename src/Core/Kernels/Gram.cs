using System.Runtime.Intrinsics;

namespace ClusterLp.Core.Kernels;

/// <summary>Weighted Gram matrices, float32 rows in, float64 sums; on the calling thread.</summary>
public static unsafe class Gram
{
    /// <summary>
    /// Adds sum_i w_i a_i a_i^T to the upper triangle (diagonal included) of <paramref name="gram"/> (d x d row-major);
    /// the strict lower triangle is left alone. O(count d^2).
    /// </summary>
    /// <remarks>
    /// Rows are taken in blocks of 256 from the first one given. Entry (s, t) of a block is one fused multiply-add chain of
    /// (w_i a_is) a_it over its rows in order, then added to the Gram: the bits do not depend on the kernel set, but they
    /// do on where calls cut the rows (unless at multiples of 256).
    /// </remarks>
    /// <param name="rows">count x d row-major.</param>
    /// <param name="weights">count values of any sign, or empty for all ones.</param>
    /// <param name="gram">d x d row-major.</param>
    /// <param name="kernels">null: <see cref="KernelSets.Active"/>.</param>
    /// <exception cref="ArgumentException">A span is too short.</exception>
    public static void AccumulateUpper(
        ReadOnlySpan<float> rows, int count, int d, ReadOnlySpan<double> weights, Span<double> gram, KernelSet? kernels = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfNegative(d);
        if (rows.Length < (long)count * d || gram.Length < (long)d * d || (!weights.IsEmpty && weights.Length < count))
            throw new ArgumentException($"{rows.Length} row values, {weights.Length} weights and {gram.Length} sums do not fit {count} rows of {d} columns");
        using var clock = KernelClock.Measure(KernelKind.Gram);
        fixed (float* a = rows)
        fixed (double* w = weights, g = gram)
        {
            switch (kernels ?? KernelSets.Active)
            {
                case KernelSet.Avx512:
                    GramDriver<Vector512<double>, Double512>.Run(a, count, d, w, g);
                    break;
                case KernelSet.Avx2:
                    GramDriver<Vector256<double>, Double256>.Run(a, count, d, w, g);
                    break;
                default:
                    GramDriver<double, DoubleScalar>.Run(a, count, d, w, g);
                    break;
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
