using System.Text.Json.Serialization;

namespace ClusterLp.Core.LpFit;

/// <summary>
/// What a regression of some rows came to; adding two covers both row sets. All zero where U is a projection and nothing
/// was regressed.
/// </summary>
/// <param name="LargestGap">
/// max over rows of 1 - bound_i / ||r_i||_p, where no u makes ||a_i - u V||_p smaller than bound_i: how far a row can
/// still be from its optimum given V.
/// </param>
/// <param name="Bound">sum c_i bound_i^p; the c_i are row weights.</param>
/// <param name="Power">sum c_i ||r_i||_p^p, before U is rounded to the type it is stored in.</param>
/// <param name="RowsShort">Rows whose gap was still above the one asked for after the most iterations.</param>
/// <param name="Iterations">Sum over rows of ADMM iterations.</param>
public readonly record struct RegressionOutcome(double LargestGap, double Bound, double Power, long RowsShort, long Iterations)
{
    /// <summary>
    /// 1 - Bound / Power, the gap of the whole sum: no other U given V has a (row-weighted) sum |r_ij|^p smaller by more than this
    /// share. 0 where there is nothing to regress.
    /// </summary>
    [JsonIgnore]
    public double SumGap => Power > 0 ? Math.Max(0, 1 - Bound / Power) : 0;

    public static RegressionOutcome operator +(RegressionOutcome a, RegressionOutcome b) => new(
        Math.Max(a.LargestGap, b.LargestGap), a.Bound + b.Bound, a.Power + b.Power, a.RowsShort + b.RowsShort, a.Iterations + b.Iterations);

    /// <summary>The sums in the matrix' own units; <paramref name="scale"/> is what entries were multiplied by.</summary>
    public RegressionOutcome InOriginalUnits(double scale, double p) =>
        this with { Bound = Bound / Math.Pow(scale, p), Power = Power / Math.Pow(scale, p) };
}
