using ClusterLp.Core.FactorModels;
using ClusterLp.Core.FactorModels.Simplex;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Tests.Support;
using MathNet.Numerics.LinearAlgebra;

namespace ClusterLp.Core.Tests.FactorModels;

/// <summary>Vertices against what was planted, and the whole pipeline.</summary>
public class SimplexTests
{
    private const int N = 3000, D = 20, K = 5;

    /// <summary>
    /// Rows are mixtures of K random vertices, one row in ten of each vertex within a few percent of it; the others' weights are uniform on the
    /// simplex. Normal noise.
    /// </summary>
    private static (float[] Rows, double[] Vertices) Planted(double noise, int seed, double zero = 0)
    {
        var random = new Random(seed);
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        double[] vertices = [.. Enumerable.Range(0, K * D).Select(_ => random.NextDouble() < zero ? 0 : Normal())];
        var rows = new float[N * D];
        for (int i = 0; i < N; i++)
        {
            double[] w = [.. Enumerable.Range(0, K).Select(_ => -Math.Log(1 - random.NextDouble()))];
            double near = random.NextDouble() < 0.5 ? 0.97 + 0.03 * random.NextDouble() : 0, sum = w.Sum();
            for (int t = 0; t < K; t++)
                w[t] = (1 - near) * w[t] / sum + (t == i % K ? near : 0);
            for (int j = 0; j < D; j++)
            {
                double a = Enumerable.Range(0, K).Sum(t => w[t] * vertices[t * D + j]);
                rows[i * D + j] = (float)(a == 0 ? 0 : a + noise * Normal());
            }
        }
        return (rows, vertices);
    }

    private static double Distance(ReadOnlySpan<float> found, ReadOnlySpan<double> planted)
    {
        double sum = 0;
        for (int j = 0; j < found.Length; j++)
            sum += (found[j] - planted[j]) * (found[j] - planted[j]);
        return Math.Sqrt(sum);
    }

    private static TensorPlan Plan(float[] rows, double? smoothing = null, int rank = K) =>
        Pipeline.Plan(rows, D, rank, 2, Method.Simplex, Fit.Auto) with { Smoothing = smoothing };

    /// <summary>Each planted vertex has one found vertex near it, and each found vertex is one's.</summary>
    [Theory]
    [InlineData(0.0, null, 1)]
    [InlineData(0.0, null, 2)]
    [InlineData(0.05, null, 1)]
    [InlineData(0.05, 0.02, 2)]
    [InlineData(0.05, 0.05, 3)]
    [InlineData(0.2, 0.05, 4)]
    public void Planted_vertices_are_found(double noise, double? smoothing, int seed)
    {
        (float[] rows, double[] vertices) = Planted(noise, seed);
        Fitted fitted = Pipeline.Run(Plan(rows, smoothing), rows);
        int[] nearest = [.. Enumerable.Range(0, K).Select(t => Enumerable.Range(0, K).MinBy(s => Distance(fitted.V.AsSpan(t * D, D), vertices.AsSpan(s * D, D))))];
        Assert.Equal(K, nearest.Distinct().Count());
        // Vertices lie about sqrt(2 D) = 6.3 apart. A mean is within 3 % of the simplex' edge, and noise of the picked rows leans outwards by a few sigma in one direction.
        for (int t = 0; t < K; t++)
            Assert.InRange(Distance(fitted.V.AsSpan(t * D, D), vertices.AsSpan(nearest[t] * D, D)), 0, 0.2 + 3 * noise);
        Assert.InRange(Math.Sqrt(fitted.State.Ours!.Squares / fitted.State.Norms!.Squares), 0, 0.02 + 1.2 * noise);
    }

    [Theory]
    [InlineData(ElementType.F32, 2e-6)]
    [InlineData(ElementType.F16, 5e-3)]
    [InlineData(ElementType.BF16, 2e-2)]
    public void Weights_are_a_mixture_and_reported_errors_are_those_of_the_stored_rows(ElementType type, double rounding)
    {
        (float[] rows, _) = Planted(0.1, 5);
        Fitted fitted = Pipeline.Run(Plan(rows) with { FactorType = type, P = 1.5 }, rows);
        Assert.All(fitted.U, w => Assert.InRange(w, 0, 1));
        double sum = 0;
        for (int i = 0; i < N; i++)
        {
            Assert.InRange(fitted.U.AsSpan(i * K, K).ToArray().Sum(w => (double)w), 1 - rounding, 1 + rounding);
            for (int j = 0; j < D; j++)
                sum += Math.Pow(Math.Abs(rows[i * D + j] - Enumerable.Range(0, K).Sum(t => (double)fitted.U[i * K + t] * fitted.StoredV[t * D + j])), 1.5);
        }
        Assert.InRange(fitted.State.Ours!.Lp / sum, 1 - 1e-4, 1 + 1e-4);
        Assert.InRange(fitted.State.Regression.LargestGap, 0, SimplexModel.DefaultTolerance);
        Assert.Equal(0, fitted.State.Regression.RowsShort);
        Assert.True(fitted.State.Ours.Squares > fitted.State.Svd!.Squares);
    }

    /// <summary>A vertex is exactly the mean of the rows with the largest products, whichever blocks they lie in.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(5000)]
    public void Vertices_are_means_of_the_farthest_rows_however_these_are_spread(int blocks)
    {
        // Sorted by the vertex a row is nearest to, so that the farthest rows crowd in a few blocks, which name too few at first.
        (float[] planted, _) = Planted(0.1, 6);
        float[] rows = [.. Enumerable.Range(0, N).OrderBy(i => i % K).SelectMany(i => planted.AsSpan(i * D, D).ToArray())];
        TensorPlan plan = Plan(rows, 0.05);
        Fitted fitted = Pipeline.Run(plan with { BlockRows = Math.Max(1, N / blocks) }, rows);
        Assert.True(blocks > 1 ? fitted.State.Model!.Round >= K + 1 : fitted.State.Model!.Round == K + 1);
        // All rows in one place: no candidates, no blocks.
        var rng = Enumerable.Range(0, K).Select(t => fitted.V.AsSpan(t * D, D).ToArray()).ToArray();
        int averaged = (int)VertexRound.Averaged(plan, K);
        foreach (float[] vertex in rng)
        {
            // The mean of the rows farthest along some direction: here along the one that separates it, found as the difference from the mean of all vertices.
            double[] direction = [.. Enumerable.Range(0, D).Select(j => vertex[j] - rng.Average(v => (double)v[j]))];
            double mean = Enumerable.Range(0, N).Select(i => Dot(i)).OrderDescending().Take(averaged).Average();
            Assert.InRange(Enumerable.Range(0, D).Sum(j => direction[j] * vertex[j]), -1e9, mean + 1e-4 * Math.Abs(mean));

            double Dot(int i) => Enumerable.Range(0, D).Sum(j => direction[j] * rows[i * D + j]);
        }
    }

    [Fact]
    public void The_cut_into_blocks_moves_vertices_by_rounding_alone()
    {
        (float[] rows, _) = Planted(0.1, 6);
        Fitted one = Pipeline.Run(Plan(rows) with { BlockRows = N }, rows), many = Pipeline.Run(Plan(rows) with { BlockRows = 37 }, rows);
        Assert.All(one.V.Zip(many.V), v => Assert.InRange(v.First - v.Second, -1e-5, 1e-5));
    }

    [Fact]
    public void Order_of_blocks_and_threads_do_not_change_a_byte_and_the_seed_does()
    {
        (float[] rows, _) = Planted(0.1, 7);
        Fitted forwards = Pipeline.Run(Plan(rows), rows), backwards = Pipeline.Run(Plan(rows), rows, count => Enumerable.Range(0, count).Reverse(), 3);
        Assert.Equal(forwards.V, backwards.V);
        Assert.Equal(forwards.U, backwards.U);
        Assert.NotEqual(forwards.V, Pipeline.Run(Plan(rows) with { Seed = 1 }, rows).V);
    }

    [Fact]
    public void Rows_by_their_nonzeros_give_the_same_vertices_and_weights()
    {
        (float[] rows, _) = Planted(0.05, 8, zero: 0.6);
        Fitted dense = Pipeline.Run(Plan(rows), rows), sparse = Pipeline.Run(Plan(rows), rows, sparse: true);
        Assert.All(dense.V.Zip(sparse.V), v => Assert.InRange(v.First - v.Second, -1e-5, 1e-5));
        // Weights are within the tolerance of the best ones, not the same.
        Assert.InRange(sparse.State.Ours!.Squares / dense.State.Ours!.Squares, 1 - 2 * SimplexModel.DefaultTolerance, 1 + 2 * SimplexModel.DefaultTolerance);
    }

    /// <summary>The first round's vertices are MathNet's least squares on the weights of the unmoved ones.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_round_of_refinement_is_least_squares_and_no_round_raises_the_error(bool sparse)
    {
        (float[] rows, _) = Planted(0.2, 10, zero: 0.4);
        Fitted[] fitted = [.. new int?[] { null, 1, 2, 5, 20 }.Select(rounds => Pipeline.Run(Plan(rows) with { Refine = rounds }, rows, sparse: sparse))];
        Matrix<double> w = Matrix<double>.Build.Dense(N, K, (i, t) => fitted[0].U[i * K + t]), a = Matrix<double>.Build.Dense(N, D, (i, j) => rows[i * D + j]);
        Matrix<double> expected = w.QR(MathNet.Numerics.LinearAlgebra.Factorization.QRMethod.Thin).Solve(a);
        Assert.InRange((expected - Matrix<double>.Build.Dense(K, D, (t, j) => fitted[1].V[t * D + j])).L2Norm() / expected.L2Norm(), 0, 1e-5);
        for (int i = 1; i < fitted.Length; i++)
        {
            Assert.InRange(fitted[i].State.Ours!.Squares, fitted[i].State.Svd!.Squares, fitted[i - 1].State.Ours!.Squares);
            Assert.All(fitted[i].U, x => Assert.InRange(x, 0, 1));
        }
        Assert.Equal(20, fitted[^1].State.RefineRounds);
    }

    [Fact]
    public void Nearest_rows_are_those_of_the_largest_weights()
    {
        (float[] rows, _) = Planted(0.1, 9);
        Fitted fitted = Pipeline.Run(Plan(rows), rows);
        double[] numbers = [.. fitted.State.Model!.Numbers];
        for (int t = 0; t < K; t++)
        {
            (double Row, double Weight)[] expected = [.. Enumerable.Range(0, N).Select(i => ((double)i, (double)fitted.U[i * K + t]))
                .OrderByDescending(row => row.Item2).ThenBy(row => row.Item1).Take(NearestRows.Kept)];
            Assert.Equal(expected, Enumerable.Range(t * NearestRows.Kept, NearestRows.Kept).Select(at => (numbers[2 * at], numbers[2 * at + 1])));
        }
    }

    [Fact]
    public void Matrices_of_nothing_of_one_row_over_and_over_and_of_few_rows_are_fitted()
    {
        foreach (float[] rows in new[] { new float[N * D], [.. Enumerable.Repeat(3f, N * D)], Planted(0.1, 3).Rows[..(3 * D)] })
        {
            Fitted fitted = Pipeline.Run(Plan(rows, rank: 3) with { Refine = 2 }, rows);
            Assert.All(fitted.U.Concat(fitted.V), x => Assert.True(float.IsFinite(x)));
            Assert.InRange(fitted.State.Ours!.Squares, 0, 1e-6 * fitted.State.Norms!.Squares + 1e-12);
        }
    }
}
