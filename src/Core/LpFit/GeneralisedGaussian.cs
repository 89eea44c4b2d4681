using ClusterLp.Core.Kernels;
using MathNet.Numerics;

namespace ClusterLp.Core.LpFit;

/// <summary>How p was chosen from a residual.</summary>
/// <param name="P">The shape, in [1, 2], to two decimals: naming it gives the same factors.</param>
/// <param name="TailIndex">Hill's estimate (<see cref="GeneralisedGaussian.TailIndex"/>); null where nothing is left to estimate from.</param>
/// <param name="SampleRows">Rows whose residual was looked at.</param>
/// <param name="Rank">Rank of the SVD that left it.</param>
public sealed record PowerChoice(double P, double? TailIndex, int SampleRows, int Rank);

/// <summary>
/// The density b / (2 s Gamma(1/b)) exp(-|r/s|^b) and its tails. Minimising sum |r|^p is maximum likelihood under it for
/// b = p. Residuals: count x d row-major float32, a row weight c_i counting like so many copies of the row. Deterministic.
/// </summary>
public static class GeneralisedGaussian
{
    private const int GridPoints = 11;
    private const double ShapeTolerance = 1e-4;

    /// <summary>Share of the entries that count as tail.</summary>
    private const double TailShare = 0.01;

    /// <summary>
    /// The maximum likelihood shape b in [1, 2], its scale s being free and its mean 0; 2 where all residuals are 0. Best of
    /// a grid, then golden section: about 30 passes over the residuals.
    /// </summary>
    public static double Shape(float[] residuals, int d, double[] rowWeights)
    {
        double count = d * rowWeights.Sum();
        if (Array.TrueForAll(residuals, r => r == 0))
            return 2;
        double step = 1.0 / (GridPoints - 1);
        double[] grid = [.. Enumerable.Range(0, GridPoints).Select(i => 1 + i * step)];
        double best = grid.MaxBy(LogLikelihood);
        return GoldenSection(LogLikelihood, Math.Max(1, best - step), Math.Min(2, best + step));

        // The mean over the entries, at the best scale s^b = b mean |r|^b.
        double LogLikelihood(double b)
        {
            double sum = 0;
            for (int i = 0; i < rowWeights.Length; i++)
                sum += rowWeights[i] * PowerSums.AbsolutePower(residuals.AsSpan(i * d, d), b);
            return Math.Log(b) - (Math.Log(b * sum / count) + 1) / b - SpecialFunctions.GammaLn(1 / b);
        }
    }

    /// <summary>
    /// Hill's estimate (1975) of the exponent a in P(|r| > x) ~ x^-a from the largest 1 % of the entries by weight:
    /// sum w / sum w ln(|r| / t), t being the largest entry below them. Below 2 the variance is infinite; a Gaussian sample
    /// gives about 7. Null where t is 0 or nothing exceeds it.
    /// </summary>
    public static double? TailIndex(float[] residuals, int d, double[] rowWeights)
    {
        float[] sizes = Array.ConvertAll(residuals, Math.Abs);
        var rows = new int[sizes.Length];
        for (int j = 0; j < rows.Length; j++)
            rows[j] = j / d;
        Array.Sort(sizes, rows);
        double wanted = TailShare * d * rowWeights.Sum(), weight = 0, logarithms = 0;
        int at = sizes.Length;
        for (; at > 1 && weight < wanted; at--)
            weight += rowWeights[rows[at - 1]];
        double threshold = sizes[at - 1];
        for (int j = at; j < sizes.Length; j++)
            logarithms += rowWeights[rows[j]] * Math.Log(sizes[j] / threshold);
        return threshold > 0 && logarithms > 0 ? weight / logarithms : null;
    }

    private static double GoldenSection(Func<double, double> f, double low, double high)
    {
        double ratio = (Math.Sqrt(5) - 1) / 2, left = high - ratio * (high - low), right = low + ratio * (high - low);
        double atLeft = f(left), atRight = f(right);
        while (high - low > ShapeTolerance)
            if (atLeft > atRight)
            {
                (high, right, atRight) = (right, left, atLeft);
                atLeft = f(left = high - ratio * (high - low));
            }
            else
            {
                (low, left, atLeft) = (left, right, atRight);
                atRight = f(right = low + ratio * (high - low));
            }
        // An optimum at a bound is approached, never reached.
        return high >= 2 && f(2) >= atRight ? 2 : low <= 1 && f(1) >= atLeft ? 1 : (low + high) / 2;
    }
}
