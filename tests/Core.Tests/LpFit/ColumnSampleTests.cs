using ClusterLp.Core.LpFit;
using ClusterLp.Core.Tests.Support;
using MathNet.Numerics.LinearAlgebra;

namespace ClusterLp.Core.Tests.LpFit;

/// <summary>Regression in a sample of the columns, against MathNet's algebra and an independent solver.</summary>
public sealed class ColumnSampleTests
{
    private const int N = 40, D = 60, K = 6;

    private static readonly float[] A = TestMatrix.LowRankPlusNoise(N, D, 8, 8, 5);

    /// <summary>d x d, orthonormal, some columns heavier than others.</summary>
    private static readonly float[] Basis = MakeBasis();

    private static readonly float[] V = Basis[..(K * D)];

    private static float[] MakeBasis()
    {
        var random = new Random(2);
        Matrix<double> m = Matrix<double>.Build.Dense(D, D, (_, j) => (random.NextDouble() - 0.5) * (j % 10 == 0 ? 6 : 1));
        Matrix<double> q = m.Transpose().QR().Q;
        var basis = new float[D * D];
        for (int t = 0; t < D; t++)
            for (int j = 0; j < D; j++)
                basis[t * D + j] = (float)q[j, t];
        return basis;
    }

    private static Matrix<double> VMatrix => Matrix<double>.Build.Dense(K, D, (t, j) => V[t * D + j]);

    [Theory]
    [InlineData(1.0)]
    [InlineData(1.5)]
    public void Weights_are_the_fixed_point_and_add_up_to_k(double p)
    {
        double[] w = ColumnSample.Weights(V, K, D, p, CancellationToken.None);
        Assert.Equal(K, w.Sum(), 0.01);
        Matrix<double> v = VMatrix, m = v * Matrix<double>.Build.DiagonalOfDiagonalArray(Array.ConvertAll(w, x => Math.Pow(x, 1 - 2 / p))) * v.Transpose(), inverse = m.Inverse();
        for (int j = 0; j < D; j++)
            Assert.Equal(1, w[j] / Math.Pow(v.Column(j) * inverse * v.Column(j), p / 2), 2e-3);
        Assert.True(w.Max() > 2 * w.Average());
    }

    [Theory]
    [InlineData(6)]
    [InlineData(20)]
    [InlineData(59)]
    public void Probabilities_add_up_to_the_columns_asked_for(int expected)
    {
        double[] w = ColumnSample.Weights(V, K, D, 1, CancellationToken.None), q = ColumnSample.Probabilities(w, expected);
        Assert.Equal(expected, q.Sum(), 1e-9);
        Assert.All(q, x => Assert.InRange(x, 0, 1));
        double[] ratios = [.. q.Zip(w).Where(pair => pair.First < 1).Select(pair => pair.First / pair.Second)];
        Assert.NotEmpty(ratios);
        Assert.All(ratios, ratio => Assert.Equal(1, ratio / ratios[0], 1e-9));
        // What is certain to be drawn would have been drawn more than once.
        Assert.All(q.Zip(w).Where(pair => pair.First == 1), pair => Assert.True(pair.Second * ratios[0] >= 1 - 1e-9));
    }

    [Fact]
    public void The_sampled_columns_are_the_basis_times_r()
    {
        ColumnSample sample = ColumnSample.Draw(V, K, D, 1.5, 24, 7, 0, CancellationToken.None)!;
        int m = sample.Columns.Length;
        Matrix<double> b = Matrix<double>.Build.Dense(K, m, (t, j) => sample.Factors[j] * V[t * D + sample.Columns[j]]);
        Matrix<double> all = Matrix<double>.Build.Dense(m, m, (s, j) => sample.Basis[s * m + j]);
        Matrix<double> back = Matrix<double>.Build.Dense(K, K, (s, t) => sample.Back[s * K + t]);
        Assert.InRange((all * all.Transpose() - Matrix<double>.Build.DenseIdentity(m)).L2Norm(), 0, 1e-5);
        Assert.InRange((back.Inverse() * all.SubMatrix(0, K, 0, m) - b).L2Norm() / b.L2Norm(), 0, 1e-5);
        Assert.Equal(sample.Columns.Distinct().Order(), sample.Columns);
        Assert.Equal(sample.Columns, ColumnSample.Draw(V, K, D, 1.5, 24, 7, 0, CancellationToken.None)!.Columns);
        Assert.NotEqual(sample.Columns, ColumnSample.Draw(V, K, D, 1.5, 24, 8, 0, CancellationToken.None)!.Columns);
        Assert.NotEqual(sample.Columns, ColumnSample.Draw(V, K, D, 1.5, 24, 7, 1, CancellationToken.None)!.Columns);
    }

    /// <summary>Mean over draws of sum over the sample of |r_j|^p / q_j, within four standard errors.</summary>
    [Theory]
    [InlineData(1.0)]
    [InlineData(1.5)]
    public void Sampled_sums_are_right_on_average(double p)
    {
        const int draws = 1500;
        double[] powers = [.. Enumerable.Range(0, D).Select(j => Math.Pow(Math.Abs(A[j]), p))];
        double[] sums = [.. Enumerable.Range(0, draws).Select(draw =>
        {
            ColumnSample sample = ColumnSample.Draw(V, K, D, p, 24, (ulong)draw, 0, CancellationToken.None)!;
            return sample.Columns.Zip(sample.Factors, (j, factor) => powers[j] * Math.Pow(factor, p)).Sum();
        })];
        double mean = sums.Average(), deviation = Math.Sqrt(sums.Average(x => (x - mean) * (x - mean)));
        Assert.InRange(mean, powers.Sum() - 4 * deviation / Math.Sqrt(draws), powers.Sum() + 4 * deviation / Math.Sqrt(draws));
        Assert.InRange(deviation / mean, 0.01, 1);
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(1.5)]
    public void Rows_are_optimal_in_the_sample_and_never_worse_than_projected(double p)
    {
        ColumnSample sample = ColumnSample.Draw(V, K, D, p, 36, 3, 0, CancellationToken.None)!;
        var basis = new OrthonormalBasis(Basis, D, K);
        RegressionOptions options = RegressionOptions.For(p, 1e-4);
        (float[] u, float[] residuals) = (new float[N * K], new float[N * D]);
        var regression = new SampledRegression(basis, sample, p, options);
        var inSample = new float[N * K];
        regression.InSample(A, N, inSample, CancellationToken.None);
        int projected = regression.Solve(A, N, u, residuals, CancellationToken.None).Projected, same = 0;
        for (int i = 0; i < N; i++)
        {
            int row = i;
            double[] mine = [.. Enumerable.Range(0, K).Select(t => (double)u[row * K + t])], projection = Project(i);
            for (int j = 0; j < D; j++)
                Assert.Equal(Residual(i, mine, j), residuals[i * D + j], 0.01);
            Assert.True(Power(i, mine, p) <= Power(i, projection, p) * (1 + 1e-6));
            double[] optimal = [.. Enumerable.Range(0, K).Select(t => (double)inSample[row * K + t])];
            Assert.InRange(SampledPower(sample, i, optimal, p) / SampledPower(sample, i, Reweighted(sample, i, p), p), 1 - 1e-3, 1 + 5e-4);
            // The best of the five points between the two, in all columns.
            double best = Enumerable.Range(0, 5).Min(step => Power(row, [.. projection.Zip(optimal, (from, to) => from + step / 4.0 * (to - from))], p));
            Assert.Equal(1, Power(i, mine, p) / best, 1e-5);
            if (Power(i, projection, p) <= best * (1 + 1e-7))
                same++;
        }
        Assert.Equal(projected, same);
        Assert.InRange(same, 1, N - 1);
    }

    private static double Residual(int i, double[] u, int j) => A[i * D + j] - Enumerable.Range(0, K).Sum(t => u[t] * V[t * D + j]);

    private static double Power(int i, double[] u, double p) => Enumerable.Range(0, D).Sum(j => Math.Pow(Math.Abs(Residual(i, u, j)), p));

    private static double SampledPower(ColumnSample sample, int i, double[] u, double p) =>
        sample.Columns.Zip(sample.Factors, (j, factor) => Math.Pow(Math.Abs(factor * Residual(i, u, j)), p)).Sum();

    private static double[] Project(int i) => [.. Enumerable.Range(0, K).Select(t => Enumerable.Range(0, D).Sum(j => (double)A[i * D + j] * V[t * D + j]))];

    /// <summary>The sampled problem by iteratively reweighted least squares, smoothed less and less.</summary>
    private static double[] Reweighted(ColumnSample sample, int i, double p)
    {
        int m = sample.Columns.Length;
        Matrix<double> b = Matrix<double>.Build.Dense(m, K, (j, t) => sample.Factors[j] * V[t * D + sample.Columns[j]]);
        Vector<double> a = Vector<double>.Build.Dense(m, j => sample.Factors[j] * A[i * D + sample.Columns[j]]);
        Vector<double> u = b.QR().Solve(a);
        double size = (a - b * u).L2Norm() / Math.Sqrt(m);
        for (double smooth = size; smooth > 1e-7 * size; smooth *= 0.7)
            for (int round = 0; round < 5; round++)
            {
                Vector<double> root = (a - b * u).Map(r => Math.Pow(r * r + smooth * smooth, (p - 2) / 4));
                u = Matrix<double>.Build.DiagonalOfDiagonalVector(root).Multiply(b).QR().Solve(root.PointwiseMultiply(a));
            }
        return u.ToArray();
    }
}
