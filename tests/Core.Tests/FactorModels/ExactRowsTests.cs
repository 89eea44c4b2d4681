using ClusterLp.Core.FactorModels;
using ClusterLp.Core.FactorModels.ExactRows;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Tests.Formats;
using ClusterLp.Core.Tests.Support;
using MathNet.Numerics.LinearAlgebra;

namespace ClusterLp.Core.Tests.FactorModels;

/// <summary>Which rows are stored exactly, against MathNet's QR and SVD of the whole matrix; and that the others are fitted as if there were no more.</summary>
public sealed class ExactRowsTests : IDisposable
{
    private const int N = 600, D = 16, K = 5;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Rows of low rank and noise.</summary>
    private static float[] Plain(ulong seed = 3) => TestMatrix.LowRankPlusNoise(N, D, 8, 3, seed);

    /// <summary>The same with some rows replaced by large ones of no pattern.</summary>
    private static float[] WithOutliers(IEnumerable<int> at, double size = 40)
    {
        float[] a = Plain(), other = TestMatrix.LowRankPlusNoise(N, D, D, 8, 11);
        foreach (int row in at)
            for (int j = 0; j < D; j++)
                a[row * D + j] = (float)(size * other[row * D + j]);
        return a;
    }

    private static TensorPlan Plan(float[] a, double share, double p = 1.5, Method method = Method.Lp, Fit fit = Fit.Exact) =>
        Pipeline.Plan(a, D, K, p, method, fit) with { ExactRows = share };

    private static long[] Picked(FitState fit, MemoryBlobs blobs) => blobs.Rows(fit.Excluded!);

    /// <summary>c r^2 + l h^2 by a QR decomposition of C^(1/2) A, whose rows' squares are the leverages, and its SVD.</summary>
    private static double[] Scores(float[] a, double[]? weights = null)
    {
        Matrix<double> m = Matrix<double>.Build.Dense(a.Length / D, D, (i, j) => Math.Sqrt(weights?[i] ?? 1) * a[i * D + j]);
        Matrix<double> q = m.QR().Q;
        var svd = m.Svd();
        Matrix<double> rest = m * svd.VT.SubMatrix(K, D - K, 0, D).Transpose();
        double next = svd.S[K] * svd.S[K];
        return [.. Enumerable.Range(0, m.RowCount).Select(i =>
            rest.Row(i).DotProduct(rest.Row(i)) + next * Math.Pow(q.Row(i).SubVector(0, D).DotProduct(q.Row(i).SubVector(0, D)), 2))];
    }

    private static long[] Best(double[] scores, int m) =>
        [.. Enumerable.Range(0, scores.Length).OrderByDescending(i => scores[i]).ThenBy(i => i).Take(m).Order().Select(i => (long)i)];

    private static RowScores ScoresOf(float[] a, double[] c)
    {
        double[] gram = Gram(a, c);
        (double[] values, float[] basis) = OrthonormalBasis.Eigenvectors(gram, D);
        return new RowScores(new OrthonormalBasis(basis, D, K), values, LewisWeights.InverseFactor(gram, D));
    }

    private static double[] Gram(float[] a, double[] c)
    {
        var gram = new double[D * D];
        ClusterLp.Core.Kernels.Gram.AccumulateUpper(a, c.Length, D, c, gram);
        ClusterLp.Core.Kernels.Gram.MirrorUpper(gram, D);
        return gram;
    }

    private static double[] Weights() => [.. Enumerable.Range(0, N).Select(i => 1.0 + i % 3)];

    [Fact]
    public void Scores_are_those_of_a_decomposition_of_the_whole_matrix()
    {
        float[] a = WithOutliers([7, 300, 301]);
        double[] c = Weights(), expected = Scores(a, c), found = ScoresOf(a, c).Of(a, N, c, CancellationToken.None);
        for (int i = 0; i < N; i++)
            Assert.InRange(found[i] / expected[i], 1 - 1e-3, 1 + 1e-3);
    }

    /// <summary>What the score stands for: without the row the k leading eigenvectors leave less, by its residual at least and the next eigenvalue at most.</summary>
    [Fact]
    public void A_row_is_worth_its_residual_at_least_and_the_next_eigenvalue_at_most()
    {
        float[] a = WithOutliers([7, 300, 301]);
        Matrix<double> gram = Matrix<double>.Build.DenseOfRowMajor(D, D, Gram(a, Enumerable.Repeat(1.0, N).ToArray()));
        var all = gram.Evd(Symmetricity.Symmetric);
        double before = all.EigenValues.Take(D - K).Sum(value => value.Real), next = all.EigenValues[D - K - 1].Real;
        Matrix<double> tail = all.EigenVectors.SubMatrix(0, D, 0, D - K);
        foreach (int row in new[] { 0, 7, 100, 300, 301, 599 })
        {
            Vector<double> x = Vector<double>.Build.Dense(D, j => a[row * D + j]);
            double gain = before - (gram - x.OuterProduct(x)).Evd(Symmetricity.Symmetric).EigenValues.Take(D - K).Sum(value => value.Real);
            double residual = (tail.Transpose() * x).DotProduct(tail.Transpose() * x);
            Assert.InRange(gain, residual * (1 - 1e-6) - 1e-9 * before, next * (1 + 1e-6));
        }
    }

    [Theory]
    [InlineData(20)]
    [InlineData(64)]
    [InlineData(200)]
    public void No_row_scores_more_than_its_leverage_within_some_rows_allows(int block)
    {
        float[] a = WithOutliers([7, 300, 301]);
        double[] c = Weights();
        RowScores all = ScoresOf(a, c);
        double[] scores = all.Of(a, N, c, CancellationToken.None);
        for (int first = 0; first + block <= N; first += block)
        {
            float[] rows = a[(first * D)..((first + block) * D)];
            double[] weights = c[first..(first + block)];
            var inverse = LewisWeights.Pack(LewisWeights.InverseFactor(Gram(rows, weights), D), D);
            double[] within = RowScores.Leverage(rows, block, D, weights, inverse, CancellationToken.None);
            for (int i = 0; i < block; i++)
                Assert.True(scores[first + i] <= all.Bound(within[i]), $"row {first + i}: {scores[first + i]} > {all.Bound(within[i])}");
        }
    }

    public static TheoryData<int[], double, int, int> Cases => new()
    {
        // A few outliers, evenly spread: the scan sees that nothing else comes near them.
        { [50, 170, 290, 410, 530], 5.0 / N, 120, 1 },
        // More rows than outliers: ordinary ones are among the best, and only a second pass can tell which.
        { [50, 170, 290, 410, 530], 30.0 / N, 120, 2 },
        // All of them in one block, which keeps too few candidates; and no outliers at all.
        { [.. Enumerable.Range(125, 12)], 12.0 / N, 60, 2 },
        { [], 0.02, 100, 2 },
        // One block is the whole matrix, and yet rows are left behind.
        { [], 0.05, N, 2 },
        { [3, 9], 0.6, 60, 1 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Blocks_find_the_rows_that_score_most_in_the_whole_matrix(int[] outliers, double share, int blockRows, int passes)
    {
        float[] a = WithOutliers(outliers);
        var blobs = new MemoryBlobs();
        FitState fit = blobs.Run(Plan(a, share) with { BlockRows = blockRows, Method = Method.Svd }, a);
        Assert.Equal(Best(Scores(a), (int)Math.Ceiling(share * N - 1e-9)), Picked(fit, blobs));
        Assert.Equal(passes, fit.Model!.Numbers[0]);
    }

    [Fact]
    public void Rows_of_equal_score_are_taken_in_order()
    {
        float[] a = [.. Enumerable.Range(0, N * D).Select(i => (float)(i / D % 2 == 0 ? 1 + i % D : 3 - i % D % 5))];
        var blobs = new MemoryBlobs();
        FitState fit = blobs.Run(Plan(a, 0.05) with { BlockRows = 100, Method = Method.Svd }, a);
        long[] rows = Picked(fit, blobs);
        Assert.Equal(30, rows.Length);
        Assert.Single(rows.Select(row => row % 2).Distinct());
        Assert.Equal(Enumerable.Range(0, 30).Select(j => rows[0] + 2 * j), rows);
    }

    [Fact]
    public void A_matrix_of_zeros_has_as_many()
    {
        var blobs = new MemoryBlobs();
        FitState fit = blobs.Run(Plan(new float[N * D], 0.01), new float[N * D]);
        Assert.Equal(6, Picked(fit, blobs).Length);
        Assert.Equal(0, fit.Ours!.Lp);
    }

    [Theory]
    [InlineData(Method.Svd, Fit.Exact, 1.5, 40)]
    [InlineData(Method.Lewis, Fit.Exact, 1, 40)]
    [InlineData(Method.Lewis, Fit.Exact, 1.5, 40)]
    [InlineData(Method.Lp, Fit.Exact, 1, 40)]
    [InlineData(Method.Lp, Fit.Exact, 1.5, 40)]
    [InlineData(Method.Lp, Fit.Exact, 2, 40)]
    [InlineData(Method.Lp, Fit.Joint, 1.5, 40)]
    // What is taken off the Gram matrix would leave nothing but rounding of it.
    [InlineData(Method.Svd, Fit.Exact, 1.5, 1e12)]
    [InlineData(Method.Lp, Fit.Exact, 1.5, 1e12)]
    public void The_other_rows_are_fitted_as_if_they_were_all(Method method, Fit fit, double p, double size)
    {
        int[] outliers = [50, 170, 290, 410, 530];
        float[] a = WithOutliers(outliers, size), others = [.. a.Where((_, i) => !outliers.Contains(i / D))];
        (var blobs, var alone) = (new MemoryBlobs(), new MemoryBlobs());
        FitState whole = blobs.Run(Plan(a, 5.0 / N, p, method, fit) with { BlockRows = 120 }, a);
        Assert.Equal(outliers.Select(row => (long)row), Picked(whole, blobs));
        FitState few = alone.Run(Pipeline.Plan(others, D, K, p, method, fit), others);
        Assert.InRange(Distance(blobs.V(whole), alone.V(few)), 0, 2e-3);
        // The heavy rows are met to the last bit.
        Assert.Equal(1, whole.Ours!.Lp / few.Ours!.Lp, 2e-3);
        Assert.True(whole.Ours.Lp < whole.Svd!.Lp);
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(1.5)]
    public void A_coreset_of_the_others_is_as_good(double p)
    {
        int[] outliers = [50, 170, 290, 410, 530];
        float[] a = WithOutliers(outliers), others = [.. a.Where((_, i) => !outliers.Contains(i / D))];
        FitState whole = new MemoryBlobs().Run(Plan(a, 5.0 / N, p, fit: Fit.Coreset) with { BlockRows = 120 }, a);
        FitState few = new MemoryBlobs().Run(Pipeline.Plan(others, D, K, p, fit: Fit.Coreset), others);
        Assert.True(whole.CoresetRows > 0);
        Assert.InRange(whole.Ours!.Lp / few.Ours!.Lp, 0.98, 1.02);
    }

    [Fact]
    public void Rows_stored_apart_do_not_make_the_others_uneven()
    {
        float[] a = WithOutliers([50, 170, 290, 410, 530]);
        Assert.True(new MemoryBlobs().Run(Pipeline.Plan(a, D, K, fit: Fit.Auto), a).CoresetRows > 0);
        Assert.Equal(0, new MemoryBlobs().Run(Plan(a, 5.0 / N, fit: Fit.Auto), a).CoresetRows);
    }

    [Fact]
    public void Row_weights_count_in_the_choice_of_rows()
    {
        float[] a = Plain();
        double[] c = [.. Enumerable.Range(0, N).Select(i => i % 7 == 0 ? 9.0 : 1)];
        File.WriteAllLines(_folder["weights"], c.Select(x => x.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        var blobs = new MemoryBlobs();
        FitState fit = blobs.Run(Plan(a, 0.03) with { RowWeights = _folder["weights"], Method = Method.Svd }, a);
        Assert.Equal(Best(Scores(a, c), 18), Picked(fit, blobs));
        Assert.NotEqual(Best(Scores(a), 18), Picked(fit, blobs));
    }

    [Theory]
    [InlineData(ElementType.F32)]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.BF16)]
    public void What_is_stored_decodes_to_what_was_measured(ElementType type)
    {
        float[] a = WithOutliers([0, 1, 119, 120, 599], size: 3);
        var blobs = new MemoryBlobs();
        TensorPlan plan = Plan(a, 5.0 / N) with { BlockRows = 120, FactorType = type };
        FitState fit = blobs.Run(plan, a);
        StoredModel stored = Models.Of(plan).Stored(plan, fit, blobs);
        float[] product = [.. stored.Products().SelectMany(rows => rows)];
        Assert.Equal(a.Length, product.Length);
        double lp = a.Zip(product, (x, y) => Math.Pow(Math.Abs((double)x - y), 1.5)).Sum();
        Assert.Equal(1, lp / fit.Ours!.Lp, 1e-4);
        if (type == ElementType.F32)
            foreach (int row in new[] { 0, 1, 119, 120, 599 })
                Assert.Equal(a[(row * D)..((row + 1) * D)], product[(row * D)..((row + 1) * D)]);
    }

    [Theory]
    [InlineData(0.1, 0.3)]
    [InlineData(0.01, 0.5)]
    public void All_that_is_stored_fits_the_budget_and_one_rank_more_would_not(double share, double compression)
    {
        TensorPlan plan = Plan(Plain(), share) with { Rank = null };
        int k = Models.RankFor(plan, compression), m = (int)Math.Ceiling(share * N);
        long Bytes(int rank) => ((N - m) * rank + rank * D + m * D) * sizeof(float) + m * sizeof(int);
        Assert.Equal(Bytes(k), Models.Of(plan).StoredBytes(plan, k));
        Assert.True(Bytes(k) <= (1 - compression) * N * D * sizeof(float));
        Assert.True(Bytes(k + 1) > (1 - compression) * N * D * sizeof(float));
        Assert.Equal(Bytes(k) / ((N + D) * sizeof(float)), Models.BaselineRank(plan, k));
    }

    /// <summary>Largest entry of the difference of the projections V^T V.</summary>
    private static double Distance(float[] v, float[] w)
    {
        double largest = 0;
        for (int i = 0; i < D; i++)
            for (int j = 0; j < D; j++)
            {
                double difference = 0;
                for (int t = 0; t < K; t++)
                    difference += (double)v[t * D + i] * v[t * D + j] - (double)w[t * D + i] * w[t * D + j];
                largest = Math.Max(largest, Math.Abs(difference));
            }
        return largest;
    }
}
