using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ClusterLp.Core.Kernels;

/// <summary>
/// Sums over float32 spans with float64 terms and sums. Element i goes to lane i mod 16; the lanes are added at the end,
/// halves onto halves. Only operations that IEEE 754 rounds exactly are used, so the bits depend on the values alone, not
/// on the instruction set.
/// </summary>
public static class PowerSums
{
    /// <summary>
    /// sum |x_i|^p, p in [1, 2]. p = 1, 1.5 and 2 take a square root at most; other powers are good to 1e-13 relative.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">p is not in [1, 2].</exception>
    public static double AbsolutePower(ReadOnlySpan<float> x, double p)
    {
        if (!(p >= 1 && p <= 2))
            throw new ArgumentOutOfRangeException(nameof(p), p, "p must lie in [1, 2]");
        return p switch
        {
            1 => Sum<Absolute>(x, x, p),
            1.5 => Sum<ThreeHalves>(x, x, p),
            2 => Sum<Product>(x, x, p),
            _ => Sum<AnyPower>(x, x, p),
        };
    }

    /// <summary>sum x_i^2.</summary>
    public static double Squares(ReadOnlySpan<float> x) => Sum<Product>(x, x, 2);

    /// <summary>sum x_i y_i.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        if (x.Length != y.Length)
            throw new ArgumentException($"vectors of {x.Length} and {y.Length} values have no dot product");
        return Sum<Product>(x, y, 0);
    }

    /// <summary>Index of the first NaN or infinity, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int FirstNonFinite(ReadOnlySpan<float> x)
    {
        const int exponent = 0x7F800000;
        ReadOnlySpan<int> bits = MemoryMarshal.Cast<float, int>(x);
        var mask = Vector256.Create(exponent);
        int i = 0;
        for (; i + Vector256<int>.Count <= bits.Length; i += Vector256<int>.Count)
            if (Vector256.EqualsAny(Vector256.Create(bits.Slice(i, Vector256<int>.Count)) & mask, mask))
                break;
        for (; i < bits.Length; i++)
            if ((bits[i] & exponent) == exponent)
                return i;
        return -1;
    }

    /// <summary>One term of a sum, four at a time.</summary>
    private interface ITerm
    {
        static abstract Vector256<double> Of(Vector256<double> x, Vector256<double> y, double p);
    }

    private readonly struct Absolute : ITerm
    {
        public static Vector256<double> Of(Vector256<double> x, Vector256<double> y, double p) => Vector256.Abs(x);
    }

    // The product of two float32 values is exact in float64.
    private readonly struct Product : ITerm
    {
        public static Vector256<double> Of(Vector256<double> x, Vector256<double> y, double p) => x * y;
    }

    private readonly struct ThreeHalves : ITerm
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector256<double> Of(Vector256<double> x, Vector256<double> y, double p)
        {
            Vector256<double> size = Vector256.Abs(x);
            return size * Vector256.Sqrt(size);
        }
    }

    private readonly struct AnyPower : ITerm
    {
        public static Vector256<double> Of(Vector256<double> x, Vector256<double> y, double p) => VectorPower.Of(Vector256.Abs(x), p);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Sum<TTerm>(ReadOnlySpan<float> x, ReadOnlySpan<float> y, double p) where TTerm : struct, ITerm
    {
        Vector256<double> s0 = default, s1 = default, s2 = default, s3 = default;
        ref float xs = ref MemoryMarshal.GetReference(x);
        ref float ys = ref MemoryMarshal.GetReference(y);
        nuint i = 0, count = (nuint)x.Length;
        for (; i + 16 <= count; i += 16)
            Add16<TTerm>(ref xs, ref ys, i, p, ref s0, ref s1, ref s2, ref s3);
        if (i < count)
        {
            // Zeros contribute nothing to any of the sums.
            Span<float> tailX = stackalloc float[16], tailY = stackalloc float[16];
            tailX.Clear();
            tailY.Clear();
            x[(int)i..].CopyTo(tailX);
            y[(int)i..].CopyTo(tailY);
            Add16<TTerm>(ref tailX[0], ref tailY[0], 0, p, ref s0, ref s1, ref s2, ref s3);
        }
        Vector256<double> four = (s0 + s2) + (s1 + s3);
        Vector128<double> two = four.GetLower() + four.GetUpper();
        return two[0] + two[1];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add16<TTerm>(ref float x, ref float y, nuint at, double p,
        ref Vector256<double> s0, ref Vector256<double> s1, ref Vector256<double> s2, ref Vector256<double> s3) where TTerm : struct, ITerm
    {
        (Vector256<double> x0, Vector256<double> x1) = Vector256.Widen(Vector256.LoadUnsafe(ref x, at));
        (Vector256<double> x2, Vector256<double> x3) = Vector256.Widen(Vector256.LoadUnsafe(ref x, at + 8));
        (Vector256<double> y0, Vector256<double> y1) = Vector256.Widen(Vector256.LoadUnsafe(ref y, at));
        (Vector256<double> y2, Vector256<double> y3) = Vector256.Widen(Vector256.LoadUnsafe(ref y, at + 8));
        s0 += TTerm.Of(x0, y0, p);
        s1 += TTerm.Of(x1, y1, p);
        s2 += TTerm.Of(x2, y2, p);
        s3 += TTerm.Of(x3, y3, p);
    }
}
