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
        return Checked(p) switch
        {
            1 => Sum<Absolute>(x, x, p),
            1.5 => Sum<ThreeHalves>(x, x, p),
            2 => Sum<Square>(x, x, p),
            _ => Sum<AnyPower>(x, x, p),
        };
    }

    /// <summary>sum x_i^2.</summary>
    public static double Squares(ReadOnlySpan<float> x) => Sum<Square>(x, x, 2);

    /// <summary>sum x_i y_i.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static double Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        EnsureSameLength(x, y);
        return Sum<Product>(x, y, 0);
    }

    /// <summary>sum |x_i|^p and sum x_i^2 in one pass, as <see cref="AbsolutePower"/> and <see cref="Squares"/> give them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">p is not in [1, 2].</exception>
    public static (double Power, double Squares) PowerAndSquares(ReadOnlySpan<float> x, double p)
    {
        (double power, double squares, _) = Checked(p) switch
        {
            1 => Sums<Absolute, Square>(x, x, p),
            1.5 => Sums<ThreeHalves, Square>(x, x, p),
            2 => Sums<Square, Square>(x, x, p),
            _ => Sums<AnyPower, Square>(x, x, p),
        };
        return (power, squares);
    }

    /// <summary>sum x_i^2 and sum x_i y_i, as <see cref="Squares"/> and <see cref="Dot"/> give them, and max |x_i|, in one pass.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public static (double Squares, double Dot, float Largest) SquaresDotLargest(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        EnsureSameLength(x, y);
        return Sums<Square, Product>(x, y, 0);
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

    private static double Checked(double p) =>
        p >= 1 && p <= 2 ? p : throw new ArgumentOutOfRangeException(nameof(p), p, "p must lie in [1, 2]");

    private static void EnsureSameLength(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        if (x.Length != y.Length)
            throw new ArgumentException($"vectors of {x.Length} and {y.Length} values have no dot product");
    }

    /// <summary>One term of a sum, four at a time.</summary>
    private interface ITerm
    {
        /// <summary>Whether it looks at y: converting it is half the work of a sum.</summary>
        static virtual bool OfBoth => false;

        static abstract Vector256<double> Of(Vector256<double> x, Vector256<double> y, double p);
    }

    private readonly struct Absolute : ITerm
    {
        public static Vector256<double> Of(Vector256<double> x, Vector256<double> y, double p) => Vector256.Abs(x);
    }

    // The product of two float32 values is exact in float64.
    private readonly struct Square : ITerm
    {
        public static Vector256<double> Of(Vector256<double> x, Vector256<double> y, double p) => x * x;
    }

    private readonly struct Product : ITerm
    {
        public static bool OfBoth => true;

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
        Lanes sum = default;
        ref float xs = ref MemoryMarshal.GetReference(x);
        ref float ys = ref MemoryMarshal.GetReference(y);
        nuint i = 0, count = (nuint)x.Length;
        for (; i + 16 <= count; i += 16)
            sum.Add<TTerm>(new Lanes(ref xs, i), TTerm.OfBoth ? new Lanes(ref ys, i) : default, p);
        if (i < count)
            sum.Add<TTerm>(Tail(x, i), Tail(y, i), p);
        return sum.Total;
    }

    // Two sums, and the largest |x_i|.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (double First, double Second, float Largest) Sums<TFirst, TSecond>(ReadOnlySpan<float> x, ReadOnlySpan<float> y, double p)
        where TFirst : struct, ITerm where TSecond : struct, ITerm
    {
        Lanes first = default, second = default;
        Vector256<float> largest = default;
        ref float xs = ref MemoryMarshal.GetReference(x);
        ref float ys = ref MemoryMarshal.GetReference(y);
        nuint i = 0, count = (nuint)x.Length;
        for (; i + 16 <= count; i += 16)
        {
            var left = new Lanes(ref xs, i);
            Lanes right = TFirst.OfBoth || TSecond.OfBoth ? new Lanes(ref ys, i) : default;
            first.Add<TFirst>(left, right, p);
            second.Add<TSecond>(left, right, p);
            largest = Vector256.Max(largest, Vector256.Max(Vector256.Abs(Vector256.LoadUnsafe(ref xs, i)), Vector256.Abs(Vector256.LoadUnsafe(ref xs, i + 8))));
        }
        Vector128<float> four = Vector128.Max(largest.GetLower(), largest.GetUpper());
        float most = MathF.Max(MathF.Max(four[0], four[1]), MathF.Max(four[2], four[3]));
        if (i < count)
        {
            Lanes left = Tail(x, i), right = Tail(y, i);
            first.Add<TFirst>(left, right, p);
            second.Add<TSecond>(left, right, p);
            foreach (float last in x[(int)i..])
                most = MathF.Max(most, MathF.Abs(last));
        }
        return (first.Total, second.Total, most);
    }

    // Zeros contribute nothing to any of the sums.
    private static Lanes Tail(ReadOnlySpan<float> x, nuint from)
    {
        Span<float> filled = stackalloc float[16];
        filled.Clear();
        x[(int)from..].CopyTo(filled);
        return new Lanes(ref filled[0], 0);
    }

    /// <summary>Sixteen float64 lanes.</summary>
    private struct Lanes
    {
        private Vector256<double> _0, _1, _2, _3;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Lanes(ref float x, nuint at)
        {
            (_0, _1) = Vector256.Widen(Vector256.LoadUnsafe(ref x, at));
            (_2, _3) = Vector256.Widen(Vector256.LoadUnsafe(ref x, at + 8));
        }

        public readonly double Total
        {
            get
            {
                Vector256<double> four = (_0 + _2) + (_1 + _3);
                Vector128<double> two = four.GetLower() + four.GetUpper();
                return two[0] + two[1];
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add<TTerm>(in Lanes x, in Lanes y, double p) where TTerm : struct, ITerm
        {
            _0 += TTerm.Of(x._0, y._0, p);
            _1 += TTerm.Of(x._1, y._1, p);
            _2 += TTerm.Of(x._2, y._2, p);
            _3 += TTerm.Of(x._3, y._3, p);
        }
    }
}
