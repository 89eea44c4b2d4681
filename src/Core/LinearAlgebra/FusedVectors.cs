using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ClusterLp.Core.LinearAlgebra;

/// <summary>
/// Loops over float64 vectors of equal length. Every step is one fused or exactly rounded operation and sums have eight
/// fixed lanes, so the bits do not depend on the instruction set.
/// </summary>
internal static class FusedVectors
{
    /// <summary>y += factor x, each entry one fused operation.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddScaled(Span<double> y, double factor, ReadOnlySpan<double> x)
    {
        ref double to = ref MemoryMarshal.GetReference(y);
        ref double from = ref MemoryMarshal.GetReference(x);
        var scale = Vector256.Create(factor);
        nuint j = 0, count = (nuint)y.Length;
        for (; j + 4 <= count; j += 4)
            Vector256.FusedMultiplyAdd(scale, Vector256.LoadUnsafe(ref from, j), Vector256.LoadUnsafe(ref to, j)).StoreUnsafe(ref to, j);
        for (; j < count; j++)
            Unsafe.Add(ref to, j) = Math.FusedMultiplyAdd(factor, Unsafe.Add(ref from, j), Unsafe.Add(ref to, j));
    }

    /// <summary>sum x_i y_i.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Dot(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        ref double left = ref MemoryMarshal.GetReference(x);
        ref double right = ref MemoryMarshal.GetReference(y);
        Vector256<double> s0 = default, s1 = default;
        nuint j = 0, count = (nuint)x.Length;
        for (; j + 8 <= count; j += 8)
        {
            s0 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref left, j), Vector256.LoadUnsafe(ref right, j), s0);
            s1 = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref left, j + 4), Vector256.LoadUnsafe(ref right, j + 4), s1);
        }
        double sum = Sum(s0 + s1);
        for (; j < count; j++)
            sum = Math.FusedMultiplyAdd(Unsafe.Add(ref left, j), Unsafe.Add(ref right, j), sum);
        return sum;
    }

    /// <summary>x, y become c x + s y, c y - s x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rotate(Span<double> x, Span<double> y, double c, double s)
    {
        ref double first = ref MemoryMarshal.GetReference(x);
        ref double second = ref MemoryMarshal.GetReference(y);
        Vector256<double> cosine = Vector256.Create(c), sine = Vector256.Create(s);
        nuint j = 0, count = (nuint)x.Length;
        for (; j + 4 <= count; j += 4)
        {
            Vector256<double> a = Vector256.LoadUnsafe(ref first, j), b = Vector256.LoadUnsafe(ref second, j);
            Vector256.FusedMultiplyAdd(cosine, a, sine * b).StoreUnsafe(ref first, j);
            Vector256.FusedMultiplyAdd(cosine, b, -(sine * a)).StoreUnsafe(ref second, j);
        }
        for (; j < count; j++)
        {
            double a = Unsafe.Add(ref first, j), b = Unsafe.Add(ref second, j);
            Unsafe.Add(ref first, j) = Math.FusedMultiplyAdd(c, a, s * b);
            Unsafe.Add(ref second, j) = Math.FusedMultiplyAdd(c, b, -(s * a));
        }
    }

    /// <summary>The four lanes, halves onto halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Sum(Vector256<double> lanes)
    {
        Vector128<double> two = lanes.GetLower() + lanes.GetUpper();
        return two[0] + two[1];
    }
}
