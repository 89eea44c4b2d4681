using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ClusterLp.Core.Kernels;

/// <summary>
/// x^p = 2^(p log2 x) in float64, four at a time, from exactly rounded operations alone (fused multiply-add included), so
/// that every machine gives the same bits.
/// </summary>
internal static class VectorPower
{
    // 2 / ((2 k + 1) ln 2): log2(m) = s (c_0 + c_1 s^2 + ...) with s = (m - 1) / (m + 1).
    private static ReadOnlySpan<double> Log2Series => [
        2.8853900817779268, 0.96179669392597556, 0.57707801635558535, 0.41219858311113241, 0.32059889797532521,
        0.26230818925253881, 0.22195308321368667, 0.19235933878519512, 0.16972882833987805, 0.15186263588304878,
        0.13739952770371080];

    // (ln 2)^k / k!: 2^f.
    private static ReadOnlySpan<double> Exp2Series => [
        1, 0.69314718055994531, 0.24022650695910072, 0.055504108664821580, 0.0096181291076284772, 0.0013333558146428443,
        0.00015403530393381610, 1.5252733804059840e-05, 1.3215486790144309e-06, 1.0178086009239700e-07,
        7.0549116208011233e-09, 4.4455382718708116e-10, 2.5678435993488206e-11];

    /// <summary>
    /// x^p for finite x >= 0 in float32's range and p in [1, 2], to 1e-13 relative; 0 gives 0, NaN and infinity give
    /// neither zero nor a finite number.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Of(Vector256<double> x, double p)
    {
        Vector256<double> power = Exp2(Vector256.Create(p) * Log2(x));
        power = Vector256.ConditionalSelect(Vector256.Equals(x, Vector256<double>.Zero), Vector256<double>.Zero, power);
        Vector256<double> finite = Vector256.LessThanOrEqual(x, Vector256.Create((double)float.MaxValue));
        return Vector256.ConditionalSelect(finite, power, x);
    }

    /// <summary>log2 of a normal positive number: exponent plus a series on [sqrt(1/2), sqrt(2)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Log2(Vector256<double> x)
    {
        // Taking sqrt(1/2)'s bits off first puts the cut between two exponents at sqrt(1/2), not at 1.
        var cut = Vector256.Create(0x3FE6A09E667F3BCDL);
        Vector256<long> bits = x.AsInt64() - cut;
        Vector256<long> exponent = Vector256.ShiftRightArithmetic(bits, 52);
        Vector256<double> m = ((bits & Vector256.Create(0x000FFFFFFFFFFFFFL)) + cut).AsDouble();
        Vector256<double> s = (m - Vector256<double>.One) / (m + Vector256<double>.One);
        Vector256<double> square = s * s;
        Vector256<double> sum = Vector256.Create(Log2Series[^1]);
        for (int k = Log2Series.Length - 2; k >= 0; k--)
            sum = Vector256.FusedMultiplyAdd(sum, square, Vector256.Create(Log2Series[k]));
        return Vector256.FusedMultiplyAdd(s, sum, Vector256.ConvertToDouble(exponent));
    }

    /// <summary>2^y for |y| &lt; 1000: a power of two times a series on [-1/2, 1/2].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Exp2(Vector256<double> y)
    {
        // Adding 3 * 2^51 rounds to the nearest integer and leaves it in the low bits.
        var magic = Vector256.Create(6755399441055744.0);
        Vector256<double> shifted = y + magic;
        Vector256<double> f = y - (shifted - magic);
        Vector256<double> sum = Vector256.Create(Exp2Series[^1]);
        for (int k = Exp2Series.Length - 2; k >= 0; k--)
            sum = Vector256.FusedMultiplyAdd(sum, f, Vector256.Create(Exp2Series[k]));
        return (sum.AsInt64() + Vector256.ShiftLeft(shifted.AsInt64(), 52)).AsDouble();
    }
}
