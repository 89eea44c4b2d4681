using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Tests.Formats;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.Jobs.Steps;

/// <summary>A target error is met by the factors as stored, measured here from the factors themselves.</summary>
public sealed class TargetErrorTests : IDisposable
{
    private const int D = 24;
    private static readonly float[] Heavy = TestMatrix.LowRankPlusNoise(600, D, 12, 8, 5), Even = TestMatrix.LowRankPlusNoise(600, D, 16, 1, 6);

    // Two rows of three, and none of those the scan samples, carry noise of full rank: the estimate is too low.
    private static readonly float[] Deceptive = [.. Enumerable.Range(0, 2400).SelectMany(i => Row(Heavy, i % 600).Select((x, j) => i % 3 == 0 ? x : x + (float)(500 * Math.Sin(1.0 + i * i % 1009 * (j + 1)))))];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static IEnumerable<float> Row(float[] a, int i) => a[(i * D)..((i + 1) * D)];

    public static TheoryData<string, double, Method, ElementType, bool> Kinds()
    {
        var kinds = new TheoryData<string, double, Method, ElementType, bool>();
        foreach (string matrix in new[] { "heavy", "even", "deceptive" })
            foreach ((double p, Method method) in new[] { (1, Method.Lp), (1.5, Method.Lp), (2, Method.Lp), (1.5, Method.Svd), (1.5, Method.Lewis) })
                foreach (bool weighted in new[] { false, true })
                    kinds.Add(matrix, p, method, weighted ? ElementType.F16 : ElementType.F32, weighted);
        return kinds;
    }

    [Theory, MemberData(nameof(Kinds))]
    public void The_stored_factors_meet_it_with_little_to_spare(string matrix, double p, Method method, ElementType type, bool weighted)
    {
        const double target = 0.35;
        float[] a = Matrix(matrix);
        string? weights = weighted ? Weights(a.Length / D) : null;
        TensorPlan plan = Pipeline.Plan(a, D, null, p, method) with { TargetError = target, FactorType = type, RowWeights = weights };
        Fitted fitted = Pipeline.Run(plan, a);
        RankSearch search = fitted.State.Search!;
        double measured = RelativeError(fitted, a, p, weighted);
        Assert.InRange(measured, 0, target);
        Assert.Equal(measured, search.Tries[^1].Measured!.Value, 3e-5);
        Assert.Equal(fitted.State.Rank, search.Tries[^1].Rank);
        Assert.All(search.Tries.SkipLast(1), failed => Assert.True(failed.Measured > target));
        Assert.Equal(p == 2 ? RankSource.Gram : RankSource.Sample, search.From);
        // The next rank but one below misses it, unless steps of 1, 2, 4 stepped over it.
        if (search.Tries.Length < 3)
        {
            Fitted smaller = Pipeline.Run(plan with { Rank = fitted.State.Rank - 2, TargetError = null }, a);
            Assert.True(RelativeError(smaller, a, p, weighted) > target);
        }
    }

    [Theory]
    [InlineData(Method.Lp, 1.5)]
    [InlineData(Method.Lp, 1.5, Fit.Joint)]
    [InlineData(Method.Svd, 1.5)]
    public void Where_the_sample_deceives_the_rank_is_raised_the_same_way_whatever_the_order(Method method, double p, Fit fit = Fit.Exact)
    {
        TensorPlan plan = Pipeline.Plan(Deceptive, D, null, p, method, fit) with { TargetError = 0.35 };
        Fitted forwards = Pipeline.Run(plan, Deceptive);
        Assert.True(forwards.State.Search!.Tries.Length > 1, "the sample was to deceive");
        Fitted backwards = Pipeline.Run(plan, Deceptive, count => Enumerable.Range(0, count).Reverse(), threads: 3);
        Assert.Equal(forwards.U, backwards.U);
        Assert.Equal(forwards.V, backwards.V);
        Assert.Equal(forwards.State.Search.Tries.AsEnumerable(), backwards.State.Search!.Tries);
    }

    [Fact]
    public void A_target_that_needs_too_high_a_rank_is_refused()
    {
        TensorPlan plan = Pipeline.Plan(Heavy, D, null) with { TargetError = 1e-6 };
        var e = Assert.Throws<ClusterLpException>(() => Pipeline.Run(plan, Heavy));
        Assert.Equal(ExitCode.BadInput, e.Code);
        Assert.Contains("would not shrink", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_target_below_the_rounding_of_the_factors_is_refused_with_what_was_reached()
    {
        // Rank 12 exactly, so that only bfloat16 is left of the error: 2^-9 of each factor.
        float[] exact = TestMatrix.LowRankPlusNoise(600, D, 12, 0, 5);
        for (int i = 0; i < exact.Length; i++)
            exact[i] = i / D % 7 - 3 + i / D % 5 * (i % D % 3) + 0.37f * (i / D % 11) * (i % D % 4);
        TensorPlan plan = Pipeline.Plan(exact, D, null) with { TargetError = 1e-4, FactorType = ElementType.BF16 };
        var e = Assert.Throws<ClusterLpException>(() => Pipeline.Run(plan, exact));
        Assert.Equal(ExitCode.BadInput, e.Code);
        Assert.Contains("stored as BF16", e.Message, StringComparison.Ordinal);
        Assert.Contains("0.0001", e.Message, StringComparison.Ordinal);
    }

    private static float[] Matrix(string kind) => kind switch { "heavy" => Heavy, "even" => Even, _ => Deceptive };

    private static double Weight(int row) => row % 5 == 0 ? 6.5 : 0.5;

    private string Weights(int rows)
    {
        string path = _folder["weights"];
        File.WriteAllLines(path, Enumerable.Range(0, rows).Select(i => Weight(i).ToString(System.Globalization.CultureInfo.InvariantCulture)));
        return path;
    }

    private static double RelativeError(Fitted fitted, float[] a, double p, bool weighted)
    {
        int k = fitted.State.Rank, n = a.Length / D;
        double[] errors = new double[n], norms = new double[n];
        // What a reader of the factors would multiply: V as its own type holds it.
        Parallel.For(0, n, i =>
        {
            for (int j = 0; j < D; j++)
            {
                double r = a[i * D + j];
                for (int t = 0; t < k; t++)
                    r -= (double)fitted.U[i * k + t] * fitted.StoredV[t * D + j];
                errors[i] += (weighted ? Weight(i) : 1) * Math.Pow(Math.Abs(r), p);
                norms[i] += (weighted ? Weight(i) : 1) * Math.Pow(Math.Abs((double)a[i * D + j]), p);
            }
        });
        return Math.Pow(errors.Sum() / norms.Sum(), 1 / p);
    }
}
