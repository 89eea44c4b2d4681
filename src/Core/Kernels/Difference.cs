using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ClusterLp.Core.Kernels;

/// <summary>x - y, entry by entry, float32.</summary>
public static class Difference
{
    /// <summary>to = x - y; <paramref name="to"/> may be x or y. The same bits for every vector width.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Of(ReadOnlySpan<float> x, ReadOnlySpan<float> y, Span<float> to)
    {
        if (x.Length != y.Length || x.Length != to.Length)
            throw new ArgumentException($"spans of {x.Length}, {y.Length} and {to.Length} values do not match");
        ReadOnlySpan<Vector<float>> xs = MemoryMarshal.Cast<float, Vector<float>>(x), ys = MemoryMarshal.Cast<float, Vector<float>>(y);
        Span<Vector<float>> all = MemoryMarshal.Cast<float, Vector<float>>(to);
        for (int i = 0; i < all.Length; i++)
            all[i] = xs[i] - ys[i];
        for (int i = all.Length * Vector<float>.Count; i < to.Length; i++)
            to[i] = x[i] - y[i];
    }
}
