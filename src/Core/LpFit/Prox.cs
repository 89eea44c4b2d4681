using System.Numerics;
using System.Runtime.CompilerServices;

namespace ClusterLp.Core.LpFit;

/// <summary>
/// The proximal map of step |.|^p: argmin_z step |z|^p + (z - x)^2 / 2, entry by entry, float32 (DESIGN 2.4). Made of
/// additions, products, quotients and square roots alone, each rounded once, so that any vector width gives the same bits.
/// </summary>
internal interface IProx
{
    /// <summary>The map for x >= 0; the caller restores the sign.</summary>
    static abstract Vector<float> OfMagnitude(Vector<float> x, in ProxStep step);
}

/// <summary>One row's step, ready for the vector loop.</summary>
internal readonly struct ProxStep(double step, double p)
{
    public readonly Vector<float> Step = new((float)step);

    /// <summary>p - 1.</summary>
    public readonly Vector<float> Power = new((float)(p - 1));

    /// <summary>1 / (p - 1); unused at p = 1.</summary>
    public readonly Vector<float> InversePower = new((float)(1 / Math.Max(p - 1, 1e-30)));

    /// <summary>log2(step p).</summary>
    public readonly Vector<float> LogSlope = new((float)Math.Log2(Math.Max(step * p, 1e-37)));
}

/// <summary>p = 1: soft threshold.</summary>
internal readonly struct SoftThreshold : IProx
{
    public static Vector<float> OfMagnitude(Vector<float> x, in ProxStep step) => Vector.Max(x - step.Step, Vector<float>.Zero);
}

/// <summary>
/// p = 1.5: with t = sqrt(z), t^2 + 1.5 step t = x, solved without cancellation: t = 2 x / (h + sqrt(h^2 + 4 x)), h = 1.5 step.
/// </summary>
internal readonly struct ThreeHalvesProx : IProx
{
    public static Vector<float> OfMagnitude(Vector<float> x, in ProxStep step)
    {
        Vector<float> h = new Vector<float>(1.5f) * step.Step;
        Vector<float> t = (x + x) / (h + Vector.SquareRoot(h * h + new Vector<float>(4f) * x));
        return t * t;
    }
}

/// <summary>
/// Any p in (1, 2): Newton's method on log2(z + step p z^(p-1)) = log2 x in the unknown log2 z. The left side is convex
/// with slopes between p - 1 and 1, and the start lies right of the root, so the iterates fall monotonically onto it.
/// The error is a small part of x even where p - 1 is tiny.
/// </summary>
internal readonly struct NewtonProx : IProx
{
    private const int Rounds = 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> OfMagnitude(Vector<float> x, in ProxStep step)
    {
        Vector<float> goal = FastPower.Log2(x);
        Vector<float> u = Vector.Min(goal, (goal - step.LogSlope) * step.InversePower);
        for (int round = 0; round < Rounds; round++)
        {
            Vector<float> slope = step.LogSlope + step.Power * u;
            Vector<float> ratio = FastPower.Exp2(-Vector.Abs(u - slope));
            Vector<float> value = Vector.Max(u, slope) + FastPower.Log2(Vector<float>.One + ratio) - goal;
            Vector<int> first = Vector.GreaterThanOrEqual(u, slope);
            Vector<float> derivative = Vector.ConditionalSelect(first, Vector<float>.One + step.Power * ratio, ratio + step.Power)
                / (Vector<float>.One + ratio);
            u -= value / derivative;
        }
        return Vector.Min(x, FastPower.Exp2(u));
    }
}

/// <summary>x^q for vectors of float32, good to a few 1e-6 relative, from exactly rounded operations.</summary>
internal static class FastPower
{
    // 2 / ((2 j + 1) ln 2): log2(m) = s (c_0 + c_1 s^2 + ...), s = (m - 1) / (m + 1).
    private static ReadOnlySpan<float> LogSeries => [2.885390082f, 0.961796694f, 0.577078016f, 0.412198583f, 0.320598898f];

    // (ln 2)^j / j!.
    private static ReadOnlySpan<float> ExpSeries => [1f, 0.693147181f, 0.240226507f, 0.0555041087f, 0.00961812911f, 0.00133335581f, 0.000154035304f];

    /// <summary>log2 x for x >= 0; zero and subnormal numbers count as 2^-126.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Log2(Vector<float> x)
    {
        x = Vector.Max(x, new Vector<float>(1.17549435e-38f));
        // Taking sqrt(1/2)'s bits off first puts the cut between two exponents at sqrt(1/2), not at 1.
        var cut = new Vector<int>(0x3F3504F3);
        Vector<int> bits = Vector.AsVectorInt32(x) - cut;
        Vector<int> exponent = Vector.ShiftRightArithmetic(bits, 23);
        Vector<float> m = Vector.AsVectorSingle((bits & new Vector<int>(0x007FFFFF)) + cut);
        Vector<float> s = (m - Vector<float>.One) / (m + Vector<float>.One), square = s * s;
        var sum = new Vector<float>(LogSeries[^1]);
        for (int j = LogSeries.Length - 2; j >= 0; j--)
            sum = sum * square + new Vector<float>(LogSeries[j]);
        return s * sum + Vector.ConvertToSingle(exponent);
    }

    /// <summary>2^y; below 2^-126 zero, above 2^127 held there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Exp2(Vector<float> y)
    {
        Vector<int> vanishes = Vector.LessThan(y, new Vector<float>(-126f));
        y = Vector.Min(Vector.Max(y, new Vector<float>(-126f)), new Vector<float>(127f));
        // Adding 1.5 * 2^23 rounds to the nearest integer.
        var magic = new Vector<float>(12582912f);
        Vector<float> whole = (y + magic) - magic, f = y - whole;
        var sum = new Vector<float>(ExpSeries[^1]);
        for (int j = ExpSeries.Length - 2; j >= 0; j--)
            sum = sum * f + new Vector<float>(ExpSeries[j]);
        Vector<float> power = Vector.AsVectorSingle(Vector.ShiftLeft(Vector.ConvertToInt32(whole) + new Vector<int>(127), 23));
        return Vector.ConditionalSelect(vanishes, Vector<float>.Zero, sum * power);
    }

    /// <summary>sum_i (|x_i| / scale)^q, q >= 2; <paramref name="scratch"/> is as long as x. scale: max |x_i| > 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double ScaledPowerSum(ReadOnlySpan<float> x, float scale, double q, Span<float> scratch)
    {
        var inverse = new Vector<float>(1 / scale);
        var exponent = new Vector<float>((float)q);
        int width = Vector<float>.Count, i = 0;
        for (; i + width <= x.Length; i += width)
            Power(new Vector<float>(x[i..])).CopyTo(scratch[i..]);
        if (i < x.Length)
        {
            Span<float> tail = stackalloc float[width];
            tail.Clear();
            x[i..].CopyTo(tail);
            Power(new Vector<float>(tail)).CopyTo(tail);
            tail[..(x.Length - i)].CopyTo(scratch[i..]);
        }
        return Kernels.PowerSums.AbsolutePower(scratch[..x.Length], 1);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Vector<float> Power(Vector<float> value)
        {
            Vector<float> size = Vector.Abs(value) * inverse;
            return q == 3 ? size * size * size : Exp2(exponent * Log2(size));
        }
    }
}
