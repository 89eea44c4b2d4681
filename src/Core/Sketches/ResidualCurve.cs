using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;

namespace ClusterLp.Core.Sketches;

/// <summary>What the best approximation of some rank leaves, squared: sum of the squares of the singular values after it.</summary>
/// <param name="Energy">The estimate, between the bounds.</param>
/// <param name="Lower">Not above the truth, but for chance.</param>
/// <param name="Upper">Not below the truth, but for chance.</param>
public readonly record struct ResidualEstimate(double Energy, double Lower, double Upper);

/// <summary>
/// The squared residuals of the best approximations of a matrix A, for every rank up to half of a <see cref="ResidualSketch"/>'s size.
/// </summary>
/// <remarks>
/// <para>With K = A^T A (eigenvalues l_1 >= l_2 ...) the sketch is G = T^T K T, and E T T^T = I. Two numbers bound the tail, sum of l_i for i > k, on average:</para>
/// <para>Lower: the tail of G's own eigenvalues. A tail is a concave function of the matrix, and so the sketch's is the smaller on average.</para>
/// <para>Upper: the bands of T are independent. The k leading directions of A T' by all bands but one span a fixed subspace of rank k as
/// far as that band T" is concerned; what it leaves of A T" is, on average, what it leaves of A's share, and no subspace of rank k leaves
/// less than the best. Averaged over the bands left out.</para>
/// <para>Both are widened by three standard deviations of the tail's own chance, sqrt(2/m sum of l_i^2), which is that of a Gaussian T.</para>
/// <para>The estimate: for large k the tail of the spectrum that <see cref="SpectrumInversion"/> finds, for small k the geometric mean of
/// the two numbers, of which one errs by a factor of about 1 - k/m, the other by its inverse; from 0 to m/8 the weights
/// of their logarithms pass from this one to that one.</para>
/// </remarks>
public sealed class ResidualCurve
{
    // Eigenvalues below this share of the largest are rounding.
    private const double Rounding = 1e-13;

    private const double Deviations = 3;

    private readonly ResidualEstimate[] _estimates;

    private ResidualCurve(ResidualEstimate[] estimates) => _estimates = estimates;

    /// <summary>The largest rank it tells of.</summary>
    public int LargestRank => _estimates.Length - 1;

    /// <summary>||A||_F^2.</summary>
    public double Total => _estimates[0].Energy;

    /// <summary>The residual at rank k, 0 to <see cref="LargestRank"/>; at 0 it is ||A||_F^2 itself.</summary>
    public ResidualEstimate this[int rank] => _estimates[rank];

    /// <summary>
    /// The curve of a sketch. O(s m^3); the bits do not depend on the threads.
    /// </summary>
    /// <param name="gram">m x m row-major, both triangles.</param>
    /// <param name="bands">s of the sketch.</param>
    /// <param name="total">||A||_F^2, exact.</param>
    /// <param name="fullRank">min(n, d): a residual is nothing from there on.</param>
    /// <param name="threads">1 or more.</param>
    /// <param name="cancellation">When to stop.</param>
    public static ResidualCurve Of(double[] gram, int bands, double total, int fullRank, int threads, CancellationToken cancellation)
    {
        int m = (int)Math.Sqrt(gram.Length), band = m / bands, largest = Math.Min(m / 2, fullRank);
        if ((long)m * m != gram.Length || band * bands != m)
            throw new ArgumentException($"{gram.Length} values are not the sketch of {bands} bands", nameof(gram));
        var estimates = new ResidualEstimate[largest + 1];
        estimates[0] = new ResidualEstimate(total, total, total);
        if (largest == 0 || !(total > 0))
            return new ResidualCurve(estimates);
        double[] values = [];
        double[][] left = new double[bands][];
        FixedPartition.For(bands + 1, threads, cancellation, part =>
        {
            if (part == bands)
                values = Factorisations.SymmetricEigen(gram, m).Values;
            else
                left[part] = LeftOf(gram, m, part * band, band, largest);
        });
        double[] lower = Tails(values, v => Math.Max(v, 0)), squares = Tails(values, v => v * v);
        double[] inverted = SpectrumInversion.Tails(values, largest);
        for (int k = 1; k <= largest; k++)
        {
            double upper = Math.Max(left.Sum(tails => tails[k]), lower[k]), chance = Deviations * Math.Sqrt(2 * squares[k] / m);
            double weight = Math.Min(1, 8.0 * k / m), middle = Math.Sqrt(lower[k] * upper);
            double energy = middle > 0 ? Math.Pow(middle, 1 - weight) * Math.Pow(Math.Clamp(inverted[k], lower[k], upper), weight) : 0;
            // No spectrum has a longer tail than a flat one, and tails fall.
            double most = Math.Min(total * (1 - (double)k / fullRank), estimates[k - 1].Upper);
            double high = Math.Min(upper + chance, most), low = Math.Min(Math.Max(lower[k] - chance, 0), high);
            estimates[k] = new ResidualEstimate(Math.Clamp(Math.Min(energy, estimates[k - 1].Energy), low, high), low, high);
        }
        return new ResidualCurve(estimates);
    }

    /// <summary>The smallest rank whose estimate is at most this energy; null where it is beyond the curve.</summary>
    public int? RankFor(double energy) => First(e => e.Energy <= energy);

    /// <summary>The smallest ranks whose lower and upper bounds are at most this energy: between them the best rank lies; null beyond the curve.</summary>
    public (int? Least, int? Most) RanksFor(double energy) => (First(e => e.Lower <= energy), First(e => e.Upper <= energy));

    private int? First(Predicate<ResidualEstimate> meets) => Array.FindIndex(_estimates, meets) is var rank and >= 0 ? rank : null;

    /// <summary>What the leading 0, 1, 2, ... directions by all other bands leave of the energy of A T", for the band that begins at <paramref name="first"/>.</summary>
    private static double[] LeftOf(double[] gram, int m, int first, int band, int largest)
    {
        int[] others = [.. Enumerable.Range(0, m).Where(i => i < first || i >= first + band)];
        int size = others.Length;
        double[] inner = new double[size * size], cross = new double[size * band];
        for (int i = 0; i < size; i++)
        {
            for (int j = 0; j < size; j++)
                inner[i * size + j] = gram[others[i] * m + others[j]];
            gram.AsSpan(others[i] * m + first, band).CopyTo(cross.AsSpan(i * band));
        }
        (double[] values, double[] vectors) = Factorisations.SymmetricEigen(inner, size);
        int count = Math.Min(largest, size);
        double[] products = MatrixProduct.Of(vectors[..(count * size)], cross, count, size, band, 1, default);
        var left = new double[largest + 1];
        for (int i = first; i < first + band; i++)
            left[0] += gram[i * m + i];
        for (int k = 1; k <= largest; k++)
        {
            double captured = 0;
            // The direction is A T' q / sqrt(value): where the value is rounding, there is none.
            if (k <= size && values[k - 1] > Rounding * values[0])
                foreach (double product in products.AsSpan((k - 1) * band, band))
                    captured += product * product / values[k - 1];
            left[k] = Math.Max(left[k - 1] - captured, 0);
        }
        return left;
    }

    /// <summary>Sums of f of the last values: element k is that of all but the first k.</summary>
    private static double[] Tails(double[] values, Func<double, double> f)
    {
        var tails = new double[values.Length + 1];
        for (int i = values.Length - 1; i >= 0; i--)
            tails[i] = tails[i + 1] + f(values[i]);
        return tails;
    }
}
