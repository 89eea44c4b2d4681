using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ClusterLp.Core.LinearAlgebra.Managed;

/// <summary>
/// Roots of f(x) = 1 + rho sum_i z_i^2 / (d_i - x), the eigenvalues of diag(d) + rho z z^T: one between each d_i and the
/// next, one beyond the last. By rational interpolation of either side's poles (Bunch, Nielsen and Sorensen 1978), kept
/// inside a bracket. x is held as an offset from the nearest pole, so that every d_i - x has full relative accuracy.
/// </summary>
/// <param name="d">Strictly ascending.</param>
/// <param name="z">None zero.</param>
/// <param name="rho">Positive.</param>
internal sealed class SecularEquation(double[] d, double[] z, double rho)
{
    private readonly double[] _weights = Array.ConvertAll(z, x => rho * x * x);

    /// <summary>f's two sides and their derivatives, at a point.</summary>
    private readonly record struct Sides(double Left, double LeftSlope, double Right, double RightSlope)
    {
        public double Value => 1 + Left + Right;

        /// <summary>What rounding may have made of <see cref="Value"/>.</summary>
        public double Noise(int terms) => Rounding.Epsilon * (4 + terms / 8) * (1 + Math.Abs(Left) + Math.Abs(Right));
    }

    /// <summary>Root <paramref name="j"/>; <paramref name="differences"/> becomes d_i - root. O(n) a step, about five steps.</summary>
    public double Root(int j, Span<double> differences)
    {
        int n = d.Length;
        if (n == 1)
        {
            differences[0] = -_weights[0];
            return d[0] + _weights[0];
        }
        bool last = j == n - 1;
        // The poles that are interpolated: left of the root the one and right of it the other, or both left of the last root.
        int split = last ? n - 1 : j + 1;
        (int origin, double low, double high, double x) = last ? StartBeyond() : StartBetween(j);
        for (int step = 0; ; step++)
        {
            Sides at = Evaluate(d[origin], x, split);
            double value = at.Value;
            if (Math.Abs(value) <= at.Noise(n) || high - low <= 2 * Rounding.Epsilon * Math.Abs(x) || step == 200)
                break;
            if (value < 0)
                low = x;
            else
                high = x;
            double next = x + Step(at, d[split - 1] - d[origin] - x, d[split] - d[origin] - x, last);
            // Every third step halves the bracket at least: no shape of f makes this slow.
            if (!(next > low && next < high) || (step % 3 == 2 && step > 8))
                next = Middle(low, high);
            if (next == x || next <= low || next >= high)
                break;
            x = next;
        }
        for (int i = 0; i < n; i++)
            differences[i] = d[i] - d[origin] - x;
        return d[origin] + x;
    }

    /// <summary>The half of the gap the root lies in, and a first guess from its two poles.</summary>
    private (int Origin, double Low, double High, double X) StartBetween(int j)
    {
        double gap = d[j + 1] - d[j], half = gap / 2;
        (double left, double right) = (_weights[j], _weights[j + 1]);
        double value = Evaluate(d[j], half, j + 1).Value, rest = value + (left - right) / half;
        bool nearLeft = value >= 0;
        double linear = nearLeft ? rest * gap + left + right : -rest * gap + left + right;
        double constant = nearLeft ? left * gap : -right * gap;
        double root = Math.Sqrt(Math.Max(0, linear * linear - 4 * rest * constant));
        // rest x^2 - linear x + constant = 0: the root nearer to the pole at 0.
        double x = linear > 0 ? 2 * constant / (linear + root) : (linear - root) / (2 * rest);
        (double low, double high) = nearLeft ? (0, half) : (-half, 0.0);
        return (nearLeft ? j : j + 1, low, high, x > low && x < high ? x : (low + high) / 2);
    }

    private (int Origin, double Low, double High, double X) StartBeyond()
    {
        double high = 0;
        foreach (double weight in _weights)
            high += weight;
        // Rounded up: f is not negative there.
        high *= 1 + 4 * Rounding.Epsilon * _weights.Length;
        return (d.Length - 1, 0, high, high / 2);
    }

    /// <summary>
    /// To the zero of c + s / (near - x) + t / (far - x), which has f's sides' values and slopes here; near and far are
    /// the distances to the poles.
    /// </summary>
    private static double Step(Sides at, double first, double second, bool beyond)
    {
        double c = at.Value - first * at.LeftSlope - second * at.RightSlope;
        double a = (first + second) * at.Value - first * second * (at.LeftSlope + at.RightSlope);
        double b = first * second * at.Value;
        double root = Math.Sqrt(Math.Max(0, a * a - 4 * b * c));
        if (beyond)
            return a >= 0 ? (a + root) / (2 * c) : 2 * b / (a - root);
        return a <= 0 ? (a - root) / (2 * c) : 2 * b / (a + root);
    }

    /// <summary>Halves the exponent where the ends differ by much; zero counts as 1e-3 of the other end.</summary>
    private static double Middle(double low, double high)
    {
        double small = Math.Min(Math.Abs(low), Math.Abs(high)), large = Math.Max(Math.Abs(low), Math.Abs(high));
        if (large <= 4 * small)
            return low + (high - low) / 2;
        double size = small == 0 ? 1e-3 * large : Math.Sqrt(small) * Math.Sqrt(large);
        return high > 0 ? size : -size;
    }

    private Sides Evaluate(double origin, double x, int split)
    {
        (double left, double leftSlope) = Sum(d.AsSpan(0, split), _weights, origin, x);
        (double right, double rightSlope) = Sum(d.AsSpan(split), _weights.AsSpan(split), origin, x);
        return new Sides(left, leftSlope, right, rightSlope);
    }

    /// <summary>sum w_i / (d_i - origin - x) and sum w_i / (d_i - origin - x)^2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (double Sum, double Slope) Sum(ReadOnlySpan<double> d, ReadOnlySpan<double> weights, double origin, double x)
    {
        ref double ds = ref MemoryMarshal.GetReference(d);
        ref double ws = ref MemoryMarshal.GetReference(weights);
        Vector256<double> sums = default, slopes = default, from = Vector256.Create(origin), offset = Vector256.Create(x);
        nuint i = 0, count = (nuint)d.Length;
        for (; i + 4 <= count; i += 4)
        {
            Vector256<double> inverse = Vector256<double>.One / (Vector256.LoadUnsafe(ref ds, i) - from - offset);
            Vector256<double> term = Vector256.LoadUnsafe(ref ws, i) * inverse;
            sums += term;
            slopes = Vector256.FusedMultiplyAdd(term, inverse, slopes);
        }
        (double sum, double slope) = (FusedVectors.Sum(sums), FusedVectors.Sum(slopes));
        for (; i < count; i++)
        {
            double inverse = 1 / (d[(int)i] - origin - x), term = weights[(int)i] * inverse;
            sum += term;
            slope = Math.FusedMultiplyAdd(term, inverse, slope);
        }
        return (sum, slope);
    }
}
