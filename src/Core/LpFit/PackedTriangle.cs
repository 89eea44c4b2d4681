using System.Numerics;
using System.Runtime.CompilerServices;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.LpFit;

/// <summary>
/// Symmetric d x d matrices as their upper triangle, row after row: d (d + 1) / 2 float64. Grams travel in this form.
/// </summary>
public static class PackedTriangle
{
    private const int TileRows = 8, TileColumns = 64;

    /// <summary>Values in the triangle of a d x d matrix.</summary>
    public static int Length(int d) => checked((int)((long)d * (d + 1) / 2));

    /// <summary>The upper triangle of <paramref name="matrix"/> (d x d row-major; the strict lower part is not read).</summary>
    public static double[] Pack(ReadOnlySpan<double> matrix, int d)
    {
        var packed = new double[Length(d)];
        Pack(matrix, d, packed);
        return packed;
    }

    /// <summary>The same into <paramref name="packed"/>, which may be the memory that <paramref name="matrix"/> begins with.</summary>
    public static void Pack(ReadOnlySpan<double> matrix, int d, Span<double> packed)
    {
        for (int s = 0, at = 0; s < d; at += d - s, s++)
            matrix.Slice(s * d + s, d - s).CopyTo(packed[at..]);
    }

    /// <summary>The full symmetric matrix, every entry multiplied by <paramref name="factor"/>.</summary>
    public static double[] Unpack(ReadOnlySpan<double> packed, int d, double factor = 1)
    {
        var matrix = new double[checked(d * d)];
        Unpack(packed, d, matrix, factor);
        return matrix;
    }

    /// <summary>The same into <paramref name="matrix"/>, d x d.</summary>
    public static void Unpack(ReadOnlySpan<double> packed, int d, Span<double> matrix, double factor = 1)
    {
        using var clock = KernelClock.Measure(KernelKind.Elementwise);
        // In tiles: what goes below the diagonal is written by whole cache lines.
        for (int top = 0; top < d; top += TileRows)
            for (int left = top; left < d; left += TileColumns)
                for (int s = top; s < Math.Min(d, top + TileRows); s++)
                {
                    int begin = s * d - s * (s - 1) / 2 - s;
                    for (int t = Math.Max(s, left); t < Math.Min(d, left + TileColumns); t++)
                        matrix[s * d + t] = matrix[t * d + s] = factor * packed[begin + t];
                }
    }

    /// <summary>sum += packed, entry by entry.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddTo(Span<double> sum, ReadOnlySpan<double> packed)
    {
        using var clock = KernelClock.Measure(KernelKind.Elementwise);
        int i = 0;
        for (; i <= sum.Length - Vector<double>.Count; i += Vector<double>.Count)
            (new Vector<double>(sum[i..]) + new Vector<double>(packed[i..])).CopyTo(sum[i..]);
        for (; i < sum.Length; i++)
            sum[i] += packed[i];
    }
}
