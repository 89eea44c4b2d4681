using System.Text.Json;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Tests.Oracle;

/// <summary>
/// Regressions of heavy-tailed, Gaussian and degenerate rows against the optima that tests/oracle/regression.py found by
/// linear programming and Newton's method (regressions.json).
/// </summary>
public class RegressionOracleTests
{
    public sealed record Case(string Basis, string Rows, int K, double P, double[] Optima);

    private sealed record Reference(int D, Dictionary<string, float[]> Bases, Dictionary<string, float[]> Sets, Case[] Cases);

    // Of ||a||: what float32 leaves undecided in a residual.
    private const double Rounding = 2e-6;

    private static readonly Reference Known = Load();

    public static TheoryData<double, string, double> Tasks()
    {
        var tasks = new TheoryData<double, string, double>();
        foreach (double p in Known.Cases.Select(c => c.P).Distinct())
            foreach (string rows in Known.Cases.Select(c => c.Rows).Distinct())
            {
                tasks.Add(p, rows, 1e-2);
                tasks.Add(p, rows, 5e-4);
            }
        return tasks;
    }

    [Theory, MemberData(nameof(Tasks))]
    public void A_row_is_within_its_certified_gap_of_the_optimum_and_the_bound_never_exceeds_it(double p, string rows, double tolerance)
    {
        foreach (Case c in Known.Cases.Where(c => c.P == p && c.Rows == rows))
            for (int i = 0; i < c.Optima.Length; i++)
            {
                float[] a = Known.Sets[$"{c.Basis} {c.Rows}"][(i * Known.D)..((i + 1) * Known.D)];
                (RegressionOutcome outcome, double error) = Solve(c, a, tolerance);
                (double optimum, double rounding) = (c.Optima[i], Rounding * Math.Sqrt(a.Sum(x => (double)x * x)));
                double bound = Math.Pow(outcome.Bound, 1 / p);
                Assert.True(bound <= optimum * (1 + 1e-9) + (optimum <= rounding ? rounding : 0), $"{c.Basis} {c.K} {i}: bound {bound} > {optimum}");
                Assert.Equal(0, outcome.RowsShort);
                Assert.InRange(outcome.LargestGap, 0, tolerance);
                Assert.InRange(error, optimum - rounding, optimum / (1 - outcome.LargestGap) + rounding);
            }
    }

    [Theory, InlineData(1.0), InlineData(1.5)]
    public void The_gap_of_the_sum_bounds_the_excess_of_the_sum(double p)
    {
        foreach (Case c in Known.Cases.Where(c => c.P == p && c.Rows is "heavy" or "gaussian"))
        {
            float[] a = Known.Sets[$"{c.Basis} {c.Rows}"];
            var basis = new OrthonormalBasis(Known.Bases[c.Basis], Known.D, c.K);
            double[] weights = [.. c.Optima.Select((_, i) => 1.0 + i)];
            RegressionOutcome outcome = new RowRegression(basis, c.P).Solve(a, c.Optima.Length, new float[c.Optima.Length * c.K], CancellationToken.None, weights);
            double least = c.Optima.Select((x, i) => weights[i] * Math.Pow(x, c.P)).Sum();
            Assert.InRange(least, outcome.Bound, outcome.Power * (1 + 1e-6));
            Assert.True(outcome.Power * (1 - outcome.SumGap) <= least);
            Assert.InRange(outcome.SumGap, 1e-9, 1 - Math.Pow(1 - outcome.LargestGap, c.P));
        }
    }

    [Fact]
    public void Rows_that_run_out_of_iterations_are_counted()
    {
        Case c = Known.Cases.First(c => c.P == 1 && c is { Basis: "turned", Rows: "gaussian", K: 5 });
        var options = RegressionOptions.For(1, 1e-5) with { MaxIterations = 10 };
        RegressionOutcome outcome = new RowRegression(new OrthonormalBasis(Known.Bases[c.Basis], Known.D, c.K), 1, options)
            .Solve(Known.Sets["turned gaussian"], c.Optima.Length, new float[c.Optima.Length * c.K], CancellationToken.None);
        Assert.Equal(c.Optima.Length, outcome.RowsShort);
        Assert.Equal(10 * c.Optima.Length, outcome.Iterations);
        Assert.True(outcome.LargestGap > 1e-5);
    }

    private static (RegressionOutcome Outcome, double Error) Solve(Case c, float[] a, double tolerance)
    {
        var basis = new OrthonormalBasis(Known.Bases[c.Basis], Known.D, c.K);
        var (u, residual) = (new float[c.K], new float[Known.D]);
        RegressionOutcome outcome = new RowRegression(basis, c.P, RegressionOptions.For(c.P, tolerance)).Solve(a, 1, u, CancellationToken.None, default, residual);
        double power = 0;
        for (int j = 0; j < Known.D; j++)
        {
            double fit = Enumerable.Range(0, c.K).Sum(t => (double)u[t] * basis.Rows[t * Known.D + j]);
            Assert.Equal(a[j] - fit, residual[j], Rounding * Math.Sqrt(a.Sum(x => (double)x * x)));
            power += Math.Pow(Math.Abs(a[j] - fit), c.P);
        }
        return (outcome, Math.Pow(power, 1 / c.P));
    }

    private static Reference Load()
    {
        using Stream stream = typeof(RegressionOracleTests).Assembly.GetManifestResourceStream("regressions.json")!;
        return JsonSerializer.Deserialize<Reference>(stream, JsonSerializerOptions.Web)!;
    }
}
