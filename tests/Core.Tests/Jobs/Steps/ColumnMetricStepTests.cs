using ClusterLp.Core.Jobs;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Tests.Formats;
using ClusterLp.Core.Tests.Support;
using MathNet.Numerics.LinearAlgebra;

namespace ClusterLp.Core.Tests.Jobs.Steps;

/// <summary>Fits in a column metric, against closed forms and against fits of A H^(1/2) made beforehand.</summary>
public sealed class ColumnMetricStepTests : IDisposable
{
    private const int N = 600, D = 24, K = 8;
    private static readonly float[] A = TestMatrix.LowRankPlusNoise(N, D, 12, 8, 5);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Activations with strongly correlated columns of very different sizes: rows x D.
    private static double[] Activations(int rows)
    {
        var random = new Random(9);
        double[] mix = [.. Enumerable.Range(0, D * D).Select(i => (random.NextDouble() - 0.5) * Math.Pow(0.75, i / D) * (1 + i % D % 5))];
        var x = new double[rows * D];
        for (int i = 0; i < rows; i++)
        {
            double[] z = [.. Enumerable.Range(0, D).Select(_ => random.NextDouble() + random.NextDouble() - 1)];
            for (int j = 0; j < D; j++)
                x[i * D + j] = Enumerable.Range(0, D).Sum(t => z[t] * mix[t * D + j]);
        }
        return x;
    }

    private static double[] Gram(double[] x) => (DenseRows(x).TransposeThisAndMultiply(DenseRows(x))).ToRowMajorArray();

    private static Matrix<double> DenseRows(double[] x) => Matrix<double>.Build.DenseOfRowMajor(x.Length / D, D, x);

    private string Metric(double[] h, string name = "h.npy") => _folder.Write(name, Craft.Npy("<f8", $"({D}, {D})", Craft.Bytes(h)));

    private static Matrix<double> RootOf(double[] h)
    {
        var evd = DenseRows(h).Evd(Symmetricity.Symmetric);
        return evd.EigenVectors * Matrix<double>.Build.DenseOfDiagonalVector(evd.EigenValues.Map(value => Math.Sqrt(Math.Max(value.Real, 0)))) * evd.EigenVectors.Transpose();
    }

    private static Matrix<double> Product(Fitted fitted) =>
        Matrix<double>.Build.DenseOfRowMajor(N, fitted.State.Rank, fitted.U.Select(x => (double)x))
        * Matrix<double>.Build.DenseOfRowMajor(fitted.State.Rank, D, fitted.StoredV.Select(x => (double)x));

    private static Matrix<double> Input => Matrix<double>.Build.DenseOfRowMajor(N, D, A.Select(x => (double)x));

    private static double Power(Matrix<double> r, double p) => r.Enumerate().Sum(x => Math.Pow(Math.Abs(x), p));

    [Theory]
    [InlineData(Method.Svd)]
    [InlineData(Method.Lp)]
    public void At_p_two_the_fit_is_the_svd_of_the_product_taken_back(Method method)
    {
        double[] h = Gram(Activations(500));
        // No direction is all but unseen, so that the plain inverse is one of the closed form's steps.
        for (int i = 0; i < D; i++)
            h[i * D + i] += 1;
        Fitted fitted = Pipeline.Run(Pipeline.Plan(A, D, K, 2, method) with { ColumnMetric = Metric(h) }, A);
        Matrix<double> s = RootOf(h);
        var svd = (Input * s).Svd();
        Matrix<double> expected = svd.U.SubMatrix(0, N, 0, K) * Matrix<double>.Build.DenseOfDiagonalVector(svd.S.SubVector(0, K))
            * svd.VT.SubMatrix(0, K, 0, D) * s.Inverse();
        Assert.InRange((Product(fitted) - expected).FrobeniusNorm() / expected.FrobeniusNorm(), 0, 1e-4);
        double tail = Math.Sqrt(svd.S.Skip(K).Sum(x => x * x));
        Assert.Equal(1, Math.Sqrt(fitted.State.Ours!.Squares) / tail, 1e-5);
        Assert.Equal(1, Math.Sqrt(fitted.State.Svd!.Squares) / tail, 1e-5);
        // The SVD blind to the metric, by brute force.
        var blind = Input.Svd();
        Matrix<double> top = blind.VT.SubMatrix(0, K, 0, D);
        Assert.Equal(1, fitted.State.PlainSvdInMetric!.Value / ((Input - Input * top.Transpose() * top) * s).FrobeniusNorm(), 1e-5);
    }

    [Theory]
    [InlineData(1.0, Method.Lp, Fit.Exact, 1e-3)]
    [InlineData(1.5, Method.Lp, Fit.Exact, 1e-3)]
    [InlineData(1.5, Method.Lewis, Fit.Exact, 1e-3)]
    [InlineData(1.5, Method.Lp, Fit.Coreset, 2e-2)]
    public void The_fit_is_that_of_the_product_and_the_reported_errors_are_those_of_the_factors(double p, Method method, Fit fit, double tolerance)
    {
        double[] h = Gram(Activations(500));
        Fitted fitted = Pipeline.Run(Pipeline.Plan(A, D, K, p, method, fit) with { ColumnMetric = Metric(h) }, A);
        Matrix<double> s = RootOf(h), residual = Input - Product(fitted);
        float[] product = [.. (Input * s).ToRowMajorArray().Select(x => (float)x)];
        FitState direct = Pipeline.Run(Pipeline.Plan(product, D, K, p, method, fit), product).State;
        FitState state = fitted.State;
        Assert.Equal(1, state.Ours!.Lp / direct.Ours!.Lp, tolerance);
        Assert.Equal(1, state.Svd!.Lp / direct.Svd!.Lp, 1e-4);
        Assert.Equal(1, state.Norms!.Lp / direct.Norms!.Lp, 1e-5);
        Assert.Equal(1, state.Ours.Lp / Power(residual * s, p), 1e-4);
        Assert.Equal(1, state.Plain!.Ours.Lp / Power(residual, p), 1e-4);
        Assert.Equal(1, state.Plain.Norms.Lp / Power(Input, p), 1e-6);
        if (method == Method.Lp)
            Assert.True(state.Ours.Lp < state.Svd.Lp);
    }

    [Fact]
    public void The_layers_output_is_closer_than_with_a_plain_svd_of_the_same_rank()
    {
        double[] x = Activations(500);
        Fitted aware = Pipeline.Run(Pipeline.Plan(A, D, K, 2) with { ColumnMetric = Metric(Gram(x)) }, A), plain = Pipeline.Run(Pipeline.Plan(A, D, K, 2), A);
        double Output(Fitted fitted) => (DenseRows(x) * (Input - Product(fitted)).Transpose()).FrobeniusNorm();
        Assert.Equal(1, Output(aware) / Math.Sqrt(aware.State.Ours!.Squares), 1e-4);
        Assert.True(Output(aware) < 0.9 * Output(plain), $"{Output(aware)} is not clearly below {Output(plain)}");
        // What is won there is lost here.
        Assert.True(aware.State.Plain!.Ours.Squares > plain.State.Ours!.Squares);
    }

    [Theory]
    [InlineData(Method.Lp, Fit.Exact)]
    [InlineData(Method.Lp, Fit.Coreset)]
    [InlineData(Method.Lewis, Fit.Exact)]
    public void The_identity_changes_no_byte(Method method, Fit fit)
    {
        TensorPlan plan = Pipeline.Plan(A, D, K, 1.5, method, fit);
        Fitted none = Pipeline.Run(plan, A);
        foreach (double scale in new[] { 1.0, 1024 })
        {
            double[] identity = [.. Enumerable.Range(0, D * D).Select(i => i / D == i % D ? scale : 0)];
            Fitted with = Pipeline.Run(plan with { ColumnMetric = Metric(identity) }, A);
            Assert.Equal(none.U, with.U);
            Assert.Equal(none.StoredV, with.StoredV);
            // Without a metric the regression's own residual may be what is measured.
            Assert.Equal(1, with.State.Plain!.Ours.Lp / none.State.Ours!.Lp, 1e-6);
            Assert.Equal(Math.Pow(scale, 0.75), with.State.Ours!.Lp / with.State.Plain.Ours.Lp, 1e-9 * Math.Pow(scale, 0.75));
        }
    }

    [Fact]
    public void A_diagonal_metric_weighs_columns()
    {
        double[] diagonal = [.. Enumerable.Range(0, D).Select(j => j % 3 == 0 ? 100.0 : 1)];
        Fitted fitted = Pipeline.Run(Pipeline.Plan(A, D, K, 1) with { ColumnMetric = Metric([.. Enumerable.Range(0, D * D).Select(i => i / D == i % D ? diagonal[i % D] : 0)]) }, A);
        float[] weighed = [.. A.Select((x, i) => x * (float)Math.Sqrt(diagonal[i % D]))];
        FitState direct = Pipeline.Run(Pipeline.Plan(weighed, D, K, 1), weighed).State;
        Assert.Equal(1, fitted.State.Ours!.L1 / direct.Ours!.L1, 1e-3);
    }

    [Theory]
    [InlineData(5, 1.0)]
    [InlineData(5, 1.5)]
    [InlineData(12, 1.5)]
    [InlineData(12, 2.0)]
    [InlineData(1, 1.5)]
    public void A_singular_metric_gives_bounded_factors_that_ignore_what_it_does_not_see(int rank, double p)
    {
        double[] x = Activations(rank), h = Gram(x);
        foreach ((Method method, Fit fit) in new[] { (Method.Lp, Fit.Exact), (Method.Lp, Fit.Coreset), (Method.Svd, Fit.Exact), (Method.Lewis, Fit.Exact) })
        {
            Fitted fitted = Pipeline.Run(Pipeline.Plan(A, D, K, p, method, fit) with { ColumnMetric = Metric(h) }, A);
            FitState state = fitted.State;
            Assert.Equal(rank, state.MetricFile!.Rank);
            Assert.All(fitted.U.Concat(fitted.StoredV), value => Assert.True(float.IsFinite(value)));
            Assert.True(Product(fitted).FrobeniusNorm() < 2 * Input.FrobeniusNorm(), "U V blew up");
            if (method == Method.Lp)
                Assert.True(state.Ours!.Lp <= state.Svd!.Lp * 1.0001 + 1e-5 * state.Norms!.Lp);
            if (rank <= K)
                Assert.True(state.Ours!.Lp <= 1e-4 * state.Norms!.Lp, "all that the metric sees fits in this rank");
        }
    }

    [Fact]
    public void Scaling_the_metric_changes_no_byte_by_a_power_of_four_and_little_else()
    {
        double[] h = Gram(Activations(100));
        Fitted Scaled(double by) => Pipeline.Run(Pipeline.Plan(A, D, K, 1.5) with { ColumnMetric = Metric(Array.ConvertAll(h, x => by * x)) }, A);
        (Fitted one, Fitted four, Fitted odd) = (Scaled(1), Scaled(Math.ScaleB(1, 40)), Scaled(1e-9));
        Assert.Equal(one.U, four.U);
        Assert.Equal(one.StoredV, four.StoredV);
        Assert.InRange((Product(one) - Product(odd)).FrobeniusNorm() / Product(one).FrobeniusNorm(), 0, 1e-2);
        Assert.Equal(Math.Pow(1e-9, 0.75), odd.State.Ours!.Lp / one.State.Ours!.Lp, 1e-3 * Math.Pow(1e-9, 0.75));
    }

    [Fact]
    public void Row_weights_p_auto_and_a_target_error_work_in_the_metric()
    {
        double[] h = Gram(Activations(500));
        string weights = _folder["w"];
        File.WriteAllLines(weights, Enumerable.Range(0, N).Select(i => i % 4 == 0 ? "5" : "1"));
        TensorPlan plan = Pipeline.Plan(A, D, null) with { AutoP = true, TargetError = 0.3, RowWeights = weights };
        Fitted fitted = Pipeline.Run(plan with { ColumnMetric = Metric(h) }, A);
        float[] product = [.. (Input * RootOf(h)).ToRowMajorArray().Select(x => (float)x)];
        FitState direct = Pipeline.Run(plan, product).State;
        Assert.Equal(direct.Power!.P, fitted.State.Power!.P);
        Assert.Equal(direct.Rank, fitted.State.Rank);
        Matrix<double> residual = (Input - Product(fitted)) * RootOf(h), input = Input * RootOf(h);
        double p = fitted.State.Power.P;
        double Weighted(Matrix<double> r) => r.EnumerateIndexed().Sum(e => (e.Item1 % 4 == 0 ? 5 : 1) * Math.Pow(Math.Abs(e.Item3), p));
        Assert.InRange(Math.Pow(Weighted(residual) / Weighted(input), 1 / p), 0, 0.3);
        Assert.Null(fitted.State.PlainSvdInMetric);
    }
}
