using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.LpFit;

/// <summary>Adds up <see cref="ErrorSums"/> row by row, in scaled units, and converts them at the end.</summary>
public sealed class ErrorAccumulator(double p)
{
    private double _l1, _lp, _squares, _maxRow, _weightedLp;

    /// <summary>Adds residual rows (count x d row-major float32) with row weights c_i.</summary>
    public void Add(ReadOnlySpan<float> residuals, int count, int d, ReadOnlySpan<double> rowWeights)
    {
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<float> row = residuals.Slice(i * d, d);
            double power = PowerSums.AbsolutePower(row, p), squares = PowerSums.Squares(row);
            _l1 += PowerSums.AbsolutePower(row, 1);
            _lp += power;
            _squares += squares;
            _maxRow = Math.Max(_maxRow, Math.Sqrt(squares));
            _weightedLp += rowWeights[i] * power;
        }
    }

    /// <summary>The sums in the matrix' own units; <paramref name="scale"/> is what entries were multiplied by.</summary>
    public ErrorSums InOriginalUnits(double scale)
    {
        double power = Math.Pow(scale, p);
        return new(_l1 / scale, _lp / power, _squares / scale / scale, _maxRow / scale, _weightedLp / power);
    }
}
