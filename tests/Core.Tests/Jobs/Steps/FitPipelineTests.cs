using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Tests.Support;
using static ClusterLp.Core.Tests.LinearAlgebra.TestMatrices;

namespace ClusterLp.Core.Tests.Jobs.Steps;

public class FitPipelineTests
{
    private const int D = 24;
    private static readonly float[] A = TestMatrix.LowRankPlusNoise(600, D, 12, 8, 5);

    [Theory]
    [InlineData(Method.Lp, Fit.Auto)]
    [InlineData(Method.Lp, Fit.Coreset)]
    [InlineData(Method.Lp, Fit.Exact)]
    [InlineData(Method.Lp, Fit.Joint)]
    [InlineData(Method.Lewis, Fit.Exact)]
    public void Order_of_blocks_and_threads_do_not_change_a_bit(Method method, Fit fit)
    {
        TensorPlan plan = Pipeline.Plan(A, D, 10, 1.5, method, fit);
        Fitted forwards = Pipeline.Run(plan, A);
        Fitted backwards = Pipeline.Run(plan, A, count => Enumerable.Range(0, count).Reverse(), threads: 3);
        Assert.Equal(forwards.U, backwards.U);
        Assert.Equal(forwards.V, backwards.V);
        Assert.Equal(fit == Fit.Coreset, forwards.State.CoresetRows > 0);
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(1.5)]
    public void Scaling_by_a_power_of_two_scales_the_factors_exactly(double p)
    {
        Fitted plain = Pipeline.Run(Pipeline.Plan(A, D, 10, p), A);
        float[] large = Array.ConvertAll(A, x => MathF.ScaleB(x, 70));
        Fitted scaled = Pipeline.Run(Pipeline.Plan(large, D, 10, p), large);
        Assert.Equal(plain.V, scaled.V);
        Assert.Equal(Array.ConvertAll(plain.U, x => MathF.ScaleB(x, 70)), scaled.U);
    }

    [Fact]
    public void At_p_two_the_fit_is_the_svd()
    {
        Fitted lp = Pipeline.Run(Pipeline.Plan(A, D, 10, 2), A), svd = Pipeline.Run(Pipeline.Plan(A, D, 10, 2, Method.Svd), A);
        Assert.Equal(svd.U, lp.U);
        Assert.Equal(svd.V, lp.V);
    }

    [Theory]
    [InlineData(ElementType.F32, 1e-6)]
    [InlineData(ElementType.F16, 2e-3)]
    [InlineData(ElementType.BF16, 2e-2)]
    public void Reported_errors_are_those_of_the_stored_factors(ElementType type, double rounding)
    {
        Fitted fitted = Pipeline.Run(Pipeline.Plan(A, D, 10, 1.5) with { FactorType = type }, A);
        Assert.InRange(Error(fitted, A, 1.5) / fitted.State.Ours!.Lp, 1 - rounding, 1 + rounding);
    }

    /// <summary>Until the tail is 1e-5 of the whole; further down the float32 products of the projection show.</summary>
    [Theory]
    [InlineData(5)]
    [InlineData(20)]
    [InlineData(30)]
    public void The_baseline_of_an_ill_conditioned_matrix_is_its_svd(int rank)
    {
        const int d = 48;
        float[] a = IllConditioned(300, d, out double[] singular);
        Fitted fitted = Pipeline.Run(Pipeline.Plan(a, d, rank, 2, Method.Svd), a);
        double expected = Math.Sqrt(singular.Skip(rank).Sum(s => s * s));
        Assert.InRange(Math.Sqrt(fitted.State.Svd!.Squares) / expected, 1 - 1e-3, 1 + 1e-3);
        Assert.InRange(Math.Sqrt(fitted.State.Ours!.Squares) / expected, 1 - 1e-3, 1 + 1e-3);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_non_finite_entry_is_named(float bad)
    {
        float[] a = (float[])A.Clone();
        a[321 * D + 7] = bad;
        var e = Assert.Throws<ClusterLpException>(() => Pipeline.Run(Pipeline.Plan(a, D, 10), a));
        Assert.Equal(ExitCode.BadInput, e.Code);
        Assert.Contains("\"matrix\", row 321, column 7", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("zeros")]
    [InlineData("constant")]
    [InlineData("rank two")]
    [InlineData("wide")]
    [InlineData("zero rows")]
    [InlineData("duplicates")]
    [InlineData("huge")]
    [InlineData("small")]
    public void Degenerate_matrices_have_finite_fits_no_worse_than_the_svd(string kind)
    {
        float[] a = kind switch
        {
            "zeros" => new float[600 * D],
            "constant" => [.. Enumerable.Repeat(3f, 600 * D)],
            "rank two" => [.. Enumerable.Range(0, 600 * D).Select(i => (float)(i / D % 7 - 3 + i / D % 5 * (i % D % 3)))],
            "wide" => A[..(11 * D)],
            "zero rows" => [.. A.Select((x, i) => i / D % 4 == 1 ? 0 : x)],
            "duplicates" => [.. Enumerable.Range(0, 600 * D).Select(i => A[i / D % 30 * D + i % D])],
            "huge" => Array.ConvertAll(A, x => x * 1e30f),
            _ => Array.ConvertAll(A, x => x * 1e-30f),
        };
        foreach (double p in new[] { 1, 1.3, 1.5 })
            foreach ((Method method, Fit fit) in new[] { (Method.Svd, Fit.Exact), (Method.Lewis, Fit.Exact), (Method.Lp, Fit.Exact), (Method.Lp, Fit.Coreset), (Method.Lp, Fit.Joint) })
            {
                Fitted fitted = Pipeline.Run(Pipeline.Plan(a, D, 6, p, method, fit), a);
                Assert.All(fitted.U, x => Assert.True(float.IsFinite(x)));
                double norm = fitted.State.Norms!.Lp;
                if (method == Method.Lp)
                    Assert.True(fitted.State.Ours!.Lp <= fitted.State.Svd!.Lp * 1.0001 + 1e-5 * norm);
                if (kind is "zeros" or "constant" or "rank two")
                    Assert.True(fitted.State.Ours!.Lp <= 1e-5 * norm);
            }
    }

    private static double Error(Fitted fitted, float[] a, double p)
    {
        int k = fitted.State.Rank;
        double sum = 0;
        for (int i = 0; i < a.Length / D; i++)
            for (int j = 0; j < D; j++)
            {
                double r = a[i * D + j];
                for (int t = 0; t < k; t++)
                    r -= (double)fitted.U[i * k + t] * fitted.V[t * D + j];
                sum += Math.Pow(Math.Abs(r), p);
            }
        return sum;
    }
}
