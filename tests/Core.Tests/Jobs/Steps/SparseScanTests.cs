using ClusterLp.Core.Formats;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.Jobs.Steps;

/// <summary>A matrix read by its nonzeros is scanned and fitted as the same one read in full.</summary>
public class SparseScanTests
{
    private const int N = 900, D = 40;

    [Theory]
    [InlineData(0.05, true, false)]
    [InlineData(0.05, true, true)]
    [InlineData(0.8, false, false)]
    public void Its_scan_finds_the_same_and_adds_up_nonzeros_where_they_are_few(double density, bool fromEntries, bool weighted)
    {
        float[] a = TestMatrix.Sparse(N, D, density, 1);
        string? weights = weighted ? Path.GetTempFileName() : null;
        try
        {
            if (weights is not null)
                File.WriteAllLines(weights, Enumerable.Range(0, N).Select(i => $"{1 + i % 4}"));
            TensorPlan plan = Pipeline.Plan(a, D, 8) with { RowWeights = weights };
            var store = new MemoryBlobStore();
            var context = new StepContext(store, 1, CancellationToken.None);
            BlockTask task = FitPipeline.TaskFor(plan, FitPipeline.Begin(plan), 2);
            BlockResult dense = FitPipeline.RunBlock(task, new ArrayMatrixSource(a, D), "dense", context);
            BlockResult sparse = FitPipeline.RunBlock(task, new ArraySparseSource(a, D), "sparse", context);
            (ScanFigures expected, ScanFigures found) = ((ScanFigures)dense.Figures, (ScanFigures)sparse.Figures);
            // Sums of integers are exact in any order.
            Assert.Equal((expected.AbsoluteSum, expected.MaxRowNorm, expected.Input.Weights), (found.AbsoluteSum, found.MaxRowNorm, found.Input.Weights));
            Assert.Equal(dense.Blob.Checksum, sparse.Blob.Checksum);
            var rows = new SparseRows();
            new ArraySparseSource(a, D).ReadRows(0, N, rows);
            Assert.Equal(fromEntries, SparseGram.IsFaster(rows, D));
        }
        finally
        {
            if (weights is not null)
                File.Delete(weights);
        }
    }

    [Theory]
    [InlineData(Method.Lp, Fit.Coreset)]
    [InlineData(Method.Lewis, Fit.Exact)]
    [InlineData(Method.Svd, Fit.Exact)]
    public void Its_factors_are_those_of_the_full_matrix_up_to_rounding_and_the_same_bytes_in_any_order_of_blocks(Method method, Fit fit)
    {
        float[] a = TestMatrix.Sparse(N, D, 0.1, 2);
        TensorPlan plan = Pipeline.Plan(a, D, 8, method: method, fit: fit);
        Fitted dense = Pipeline.Run(plan, a), sparse = Pipeline.Run(plan, a, sparse: true);
        Fitted again = Pipeline.Run(plan, a, order: count => Enumerable.Range(0, count).Reverse(), threads: 3, sparse: true);
        Assert.Equal(sparse.U.Concat(sparse.V).Select(BitConverter.SingleToInt32Bits), again.U.Concat(again.V).Select(BitConverter.SingleToInt32Bits));
        Assert.Equal(dense.State.Svd!.Squares, sparse.State.Svd!.Squares, 1e-6 * dense.State.Norms!.Squares);
        Assert.Equal(dense.State.Ours!.Lp, sparse.State.Ours!.Lp, 1e-5 * dense.State.Norms!.Lp);
    }

    [Fact]
    public void An_entry_that_is_not_finite_is_refused_with_its_place()
    {
        float[] a = TestMatrix.Sparse(N, D, 0.05, 3);
        TensorPlan plan = Pipeline.Plan(a, D, 8);
        // The row before it has no entries.
        int row = 17 * 30 + 6, column = 23;
        a[row * D + column] = float.NaN;
        var context = new StepContext(new MemoryBlobStore(), 1, CancellationToken.None);
        var refused = Assert.Throws<ClusterLpException>(() => FitPipeline.RunBlock(
            FitPipeline.TaskFor(plan, FitPipeline.Begin(plan), row / plan.BlockRows), new ArraySparseSource(a, D), "scan", context));
        Assert.Contains($"row {row}, column {column} ", refused.Message);
    }

    [Fact]
    public void One_changed_bit_or_place_of_an_entry_is_seen_by_later_stages()
    {
        float[] a = TestMatrix.Sparse(N, D, 0.05, 3);
        TensorPlan plan = Pipeline.Plan(a, D, 8);
        var context = new StepContext(new MemoryBlobStore(), 1, CancellationToken.None);
        FitState state = FitPipeline.Begin(plan);
        state = FitPipeline.Reduce(plan, state, [.. Enumerable.Range(0, plan.Partition.Count).Select(block =>
            FitPipeline.RunBlock(FitPipeline.TaskFor(plan, state, block), new ArraySparseSource(a, D), $"scan/{block}", context))], "scan", context);
        BlockTask task = FitPipeline.TaskFor(plan, state, 0);
        FitPipeline.RunBlock(task, new ArraySparseSource(a, D), "same", context);
        int at = Array.FindIndex(a, value => value != 0);
        float[] changed = [.. a], moved = [.. a];
        changed[at] = MathF.BitIncrement(changed[at]);
        (moved[at], moved[at + 1]) = (moved[at + 1], moved[at]);
        Assert.NotEqual(a[at], a[at + 1]);
        foreach (float[] other in new[] { changed, moved })
            Assert.Contains("are not what the scan read", Assert.Throws<ClusterLpException>(() =>
                FitPipeline.RunBlock(task, new ArraySparseSource(other, D), "other", context)).Message);
    }
}
