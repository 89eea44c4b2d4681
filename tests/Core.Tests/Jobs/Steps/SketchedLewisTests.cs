using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.Jobs.Steps;

/// <summary>Lewis weights from sparse embeddings in the pipeline.</summary>
public class SketchedLewisTests
{
    private const int N = 2000, D = 40;

    private static TensorPlan Plan(float[] a, Method method, double p = 1, Embedding embedding = Embedding.Sparse) =>
        Pipeline.Plan(a, D, 10, p, method, Fit.Coreset) with { Embedding = embedding };

    /// <summary>
    /// The sketch is within [0.5, 2] of every score, and a factor f in M moves the fixed point by f^(p/2) / (1 - |1 - p/2|) = f at most;
    /// 40 columns are scored without signs.
    /// </summary>
    [Theory]
    [InlineData(1.0, false)]
    [InlineData(1.0, true)]
    [InlineData(1.5, false)]
    public void They_come_to_rest_near_the_exact_fixed_point_and_add_up_to_about_d(double p, bool sparse)
    {
        float[] a = sparse ? TestMatrix.Sparse(N, D, 0.1, 5) : TestMatrix.LowRankPlusNoise(N, D, 12, 64, 5);
        TensorPlan plan = Plan(a, Method.Lewis, p);
        var context = new StepContext(new MemoryBlobStore(), 1, CancellationToken.None);
        using IMatrixSource source = sparse ? new ArraySparseSource(a, D) : new ArrayMatrixSource(a, D);
        FitState state = FitPipeline.Begin(plan);
        double[] found = [];
        int exactRounds = 0;
        while (state.Stage.Kind != StageKind.Factorise)
        {
            BlockResult[] results = [.. Enumerable.Range(0, plan.Partition.Count).Select(block =>
                FitPipeline.RunBlock(FitPipeline.TaskFor(plan, state, block), source, $"{state.Stage}/{block}", context))];
            if (state.Stage.Kind == StageKind.Lewis)
            {
                ArrayBlob[] blobs = [.. results.Select(result => context.Blobs.ReadArrays(result.Blob))];
                found = [.. blobs.SelectMany(blob => blob.Get<double>("weights"))];
                Assert.All(blobs, blob => Assert.Equal(state.FinalLewis, blob.Names.Contains("gram")));
                Assert.All(blobs, blob => Assert.Equal(!state.FinalLewis, blob.Names.Contains("sketch_unit")));
                exactRounds += state.FinalLewis ? 1 : 0;
            }
            state = FitPipeline.Reduce(plan, state, results, $"{state.Stage}/reduced", context);
        }
        Assert.Equal((1, false), (exactRounds, state.FinalLewis));
        Assert.InRange(state.LewisRounds, 3, 20);

        double[] ones = [.. Enumerable.Repeat(1.0, N)], exact = [.. Enumerable.Repeat((double)D / N, N)];
        for (int round = 0; round < 40; round++)
        {
            var m = new double[D * D];
            Gram.AccumulateUpper(a, N, D, [.. exact.Select(w => LewisWeights.GramWeight(w, 1, p))], m);
            Gram.MirrorUpper(m, D);
            LewisWeights.Update(a, N, D, LewisWeights.Pack(LewisWeights.InverseFactor(m, D), D), ones, p, exact, default);
        }
        Assert.InRange(found.Sum(), 0.9 * D, 1.1 * D);
        for (int i = 0; i < N; i++)
            // Rows without entries weigh nothing.
            if (exact[i] > 1e-12)
                Assert.InRange(found[i] / exact[i], 0.5, 2);
    }

    [Theory]
    [InlineData(Method.Lewis, false)]
    [InlineData(Method.Lewis, true)]
    [InlineData(Method.Lp, false)]
    [InlineData(Method.Lp, true)]
    public void Factors_are_about_as_good_and_the_same_bytes_in_any_order_of_blocks(Method method, bool sparse)
    {
        float[] a = sparse ? TestMatrix.Sparse(N, D, 0.1, 7) : TestMatrix.LowRankPlusNoise(N, D, 12, 64, 7);
        TensorPlan plan = Plan(a, method);
        Fitted sketched = Pipeline.Run(plan, a, sparse: sparse), exact = Pipeline.Run(plan with { Embedding = Embedding.Exact }, a, sparse: sparse);
        Fitted again = Pipeline.Run(plan, a, order: count => Enumerable.Range(0, count).Reverse(), threads: 3, sparse: sparse);
        Assert.Equal(Bits(sketched), Bits(again));
        Assert.NotEqual(Bits(sketched), Bits(exact));
        Assert.InRange(sketched.State.Ours!.Lp / exact.State.Ours!.Lp, 0.97, 1.03);
        Assert.Equal(sketched.State.Svd, exact.State.Svd);
    }

    [Fact]
    public void Dense_rows_and_their_entries_give_the_same_factors_up_to_rounding()
    {
        float[] a = TestMatrix.Sparse(N, D, 0.1, 8);
        Fitted dense = Pipeline.Run(Plan(a, Method.Lewis), a), sparse = Pipeline.Run(Plan(a, Method.Lewis), a, sparse: true);
        Assert.Equal(dense.State.LewisRounds, sparse.State.LewisRounds);
        Assert.Equal(dense.State.Ours!.Lp, sparse.State.Ours!.Lp, 1e-5 * dense.State.Ours.Lp);
    }

    [Fact]
    public void Row_weights_count_as_copies_of_a_row_do()
    {
        // Row i of the short matrix weighs 3, or is there three times in the long one: each copy has a sketch of its own.
        float[] a = TestMatrix.LowRankPlusNoise(N, D, 12, 64, 9);
        float[] copies = [.. Enumerable.Range(0, N).SelectMany(i => Enumerable.Repeat(a.AsSpan(i * D, D).ToArray(), i % 4 == 0 ? 3 : 1).SelectMany(row => row))];
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllLines(path, Enumerable.Range(0, N).Select(i => i % 4 == 0 ? "3" : "1"));
            Fitted weighted = Pipeline.Run(Plan(a, Method.Lewis) with { RowWeights = path }, a), repeated = Pipeline.Run(Plan(copies, Method.Lewis), copies);
            Assert.InRange(weighted.State.Ours!.WeightedLp / repeated.State.Ours!.Lp, 0.97, 1.03);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>A power of two is taken off exactly, also where sums of rows leave float32's range, as sketches travel.</summary>
    [Fact]
    public void Entries_near_the_end_of_their_range_change_nothing()
    {
        float[] a = TestMatrix.LowRankPlusNoise(N, D, 12, 64, 7);
        float times = MathF.ScaleB(1, 127 - (int)MathF.Ceiling(MathF.Log2(a.Max(MathF.Abs))));
        Fitted usual = Pipeline.Run(Plan(a, Method.Lewis), a), large = Pipeline.Run(Plan(a, Method.Lewis), Array.ConvertAll(a, x => x * times));
        Assert.Equal(usual.V, large.V);
    }

    /// <summary>More than 128 columns are scored by signs, by either way of reading rows to the same numbers.</summary>
    [Theory]
    [InlineData(50)]
    [InlineData(200)]
    public void Scores_of_entries_are_those_of_full_rows(int d)
    {
        const int n = 120;
        float[] a = TestMatrix.Sparse(n, d, 0.2, 3);
        var rows = new SparseRows();
        new ArraySparseSource(a, d).ReadRows(0, n, rows);
        double[] inverse = new double[d * d], c = [.. Enumerable.Range(0, n).Select(i => 1.0 + i % 3)], dense = new double[n], entries = new double[n];
        var random = new Random(5);
        for (int i = 0; i < d; i++)
            for (int j = 0; j <= i; j++)
                inverse[i * d + j] = random.NextDouble() - 0.5;
        LewisWeights.Update(a, n, d, LewisWeights.Sketch(inverse, d, 4, 1), c, 1.5, dense, default);
        LewisWeights.Update(rows, d, LewisWeights.SketchColumns(inverse, d, 4, 1), c, 1.5, entries, default);
        for (int i = 0; i < n; i++)
            Assert.Equal(dense[i], entries[i], 1e-12 * dense[i]);
    }

    private static IEnumerable<int> Bits(Fitted fitted) => fitted.U.Concat(fitted.V).Select(BitConverter.SingleToInt32Bits);
}
