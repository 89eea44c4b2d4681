using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.LpFit;

public class RowRegressionTests
{
    private const int N = 200, D = 21;
    private static readonly float[] A = Array.ConvertAll(TestMatrix.LowRankPlusNoise(N, D, 8, 8, 3), x => x / 128);

    [Theory]
    [InlineData(1.0, 5), InlineData(1.0, 15), InlineData(1.01, 15), InlineData(1.2, 5), InlineData(1.5, 5), InlineData(1.5, 15), InlineData(1.8, 15), InlineData(1.999, 15)]
    public void No_row_is_worse_than_its_projection(double p, int k)
    {
        OrthonormalBasis basis = Basis(k);
        float[] projected = Residual(basis, 2, A), solved = Residual(basis, p, A);
        for (int i = 0; i < N; i++)
            Assert.True(Power(solved, i, p) <= Power(projected, i, p) * 1.00001);
        Assert.True(PowerSums.AbsolutePower(solved, p) < PowerSums.AbsolutePower(projected, p));
    }

    [Theory]
    [InlineData(1.0), InlineData(1.2), InlineData(1.5)]
    public void Permuting_rows_permutes_U_exactly(double p)
    {
        OrthonormalBasis basis = Basis(13);
        float[] reversed = [.. Enumerable.Range(0, N).Reverse().SelectMany(i => A[(i * D)..((i + 1) * D)])];
        float[] u = Solve(basis, p, A), v = Solve(basis, p, reversed);
        for (int i = 0; i < N; i++)
            Assert.Equal(u[(i * 13)..((i + 1) * 13)], v[((N - 1 - i) * 13)..((N - i) * 13)]);
    }

    [Fact]
    public void With_one_column_of_V_at_p_one_the_answer_is_the_weighted_median()
    {
        // min_u sum_j |a_j - u v_j| is attained at one of the ratios a_j / v_j.
        OrthonormalBasis basis = Basis(1);
        float[] v = basis.Rows[..D];
        float[] residual = Residual(basis, 1, A);
        double found = PowerSums.AbsolutePower(residual, 1), best = 0;
        for (int i = 0; i < N; i++)
            best += Enumerable.Range(0, D).Min(t => Enumerable.Range(0, D).Sum(j => Math.Abs(A[i * D + j] - (double)A[i * D + t] / v[t] * v[j])));
        Assert.InRange(found / best, 1 - 1e-5, 1 + 2e-3);
    }

    [Theory]
    // Nearer p = 1 the gradient |r|^(p-1) of the near-zero residuals is beyond float32.
    [InlineData(1.4, 5), InlineData(1.5, 5), InlineData(1.5, 15), InlineData(1.8, 15)]
    public void At_the_optimum_the_gradient_is_orthogonal_to_V(double p, int k)
    {
        OrthonormalBasis basis = Basis(k);
        float[] r = Residual(basis, p, A, new RegressionOptions { Gap = 1e-6 });
        for (int i = 0; i < N; i++)
        {
            double[] gradient = [.. Enumerable.Range(0, D).Select(j => Math.Sign(r[i * D + j]) * Math.Pow(Math.Abs(r[i * D + j]), p - 1))];
            double norm = Math.Sqrt(gradient.Sum(g => g * g));
            for (int t = 0; t < k; t++)
                Assert.InRange(Math.Abs(Enumerable.Range(0, D).Sum(j => gradient[j] * basis.Rows[t * D + j])) / norm, 0, 0.03);
        }
    }

    [Fact]
    public void At_p_one_a_small_gap_is_certified_in_fewer_iterations_by_a_step_that_falls_later()
    {
        const int n = 400, d = 192, k = 136, rows = 32;
        float[] a = TestMatrix.LowRankPlusNoise(n, d, 40, 40, 3);
        OrthonormalBasis basis = Basis(a, n, d, k);

        RegressionOutcome Outcome(RegressionOptions options) =>
            new RowRegression(basis, 1, options).Solve(a.AsSpan(0, rows * d), rows, new float[rows * k], CancellationToken.None);

        RegressionOutcome later = Outcome(RegressionOptions.For(1, 2e-3)), usual = Outcome(RegressionOptions.For(1) with { Gap = 2e-3, MaxIterations = 5000 });
        Assert.InRange(later.LargestGap, 0, 2e-3);
        Assert.InRange(usual.LargestGap, 0, 2e-3);
        Assert.InRange((double)later.Iterations / usual.Iterations, 0, 0.9);
        // Neither may be further from the other than their certificates allow.
        Assert.InRange(later.Power / usual.Power, 1 - 2e-3, 1 + 2e-3);
    }

    private static OrthonormalBasis Basis(int k) => Basis(A, N, D, k);

    private static OrthonormalBasis Basis(float[] rows, int n, int d, int k)
    {
        var gram = new double[d * d];
        Gram.AccumulateUpper(rows, n, d, default, gram);
        Gram.MirrorUpper(gram, d);
        return new OrthonormalBasis(OrthonormalBasis.Eigenvectors(gram, d).Rows, d, k);
    }

    private static float[] Solve(OrthonormalBasis basis, double p, float[] a, RegressionOptions? options = null)
    {
        var u = new float[N * basis.Rank];
        new RowRegression(basis, p, options).Solve(a, N, u, CancellationToken.None);
        return u;
    }

    private static float[] Residual(OrthonormalBasis basis, double p, float[] a, RegressionOptions? options = null)
    {
        var r = new float[N * D];
        Gemm.Multiply(Solve(basis, p, a, options), basis.Rank, N, basis.V, r, D);
        return [.. r.Zip(a, (fit, value) => value - fit)];
    }

    private static double Power(float[] r, int i, double p) => PowerSums.AbsolutePower(r.AsSpan(i * D, D), p);
}
