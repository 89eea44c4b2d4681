using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Sketches;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// With <see cref="Embedding.Sparse"/>: the matrix of the Lewis ellipsoid from sketches of the blocks (<see cref="SparseEmbedding"/>),
/// summed in block order. All rounds have the same embedding, so that weights can come to rest.
/// </summary>
internal static class SketchedEllipsoid
{
    /// <summary>Columns at most: 128 MiB a block.</summary>
    public const int MostColumns = 4096;

    [ThreadStatic] private static double[]? _sketch;

    /// <summary>Whether the scan has to sketch the rows, for the first round of Lewis weights.</summary>
    public static bool BeginsInScan(TensorPlan plan) => plan.Embedding == Embedding.Sparse && LowRankModel.MayBeginWithLewis(plan);

    /// <summary>Adds to a block's blob the sketch of its rows, each times the root of its weight.</summary>
    /// <param name="task">Which block.</param>
    /// <param name="rows">count x d.</param>
    /// <param name="weights">Not negative, count; empty for all ones.</param>
    /// <param name="blob">Receives it; it is to be written before this thread's next block.</param>
    public static void Add(BlockTask task, ReadOnlySpan<float> rows, ReadOnlySpan<double> weights, ArrayBlob blob)
    {
        SparseEmbedding embedding = Of(task.Plan);
        Memory<double> sketch = Empty(embedding);
        embedding.Add(rows, rows.Length / task.Plan.Columns, task.Plan.Partition.FirstRow(task.Address.Block), Roots(weights), sketch.Span);
        StoredSketch.Write(blob, sketch.Span);
    }

    /// <summary>The same of rows by their entries.</summary>
    /// <inheritdoc cref="Add(BlockTask, ReadOnlySpan{float}, ReadOnlySpan{double}, ArrayBlob)"/>
    public static void Add(BlockTask task, SparseRows rows, ReadOnlySpan<double> weights, ArrayBlob blob)
    {
        SparseEmbedding embedding = Of(task.Plan);
        Memory<double> sketch = Empty(embedding);
        embedding.Add(rows, task.Plan.Partition.FirstRow(task.Address.Block), Roots(weights), sketch.Span);
        StoredSketch.Write(blob, sketch.Span);
    }

    /// <summary>The matrix, d x d, both triangles.</summary>
    public static double[] Sum(TensorPlan plan, IReadOnlyList<BlobRef> blobs, StepContext context)
    {
        SparseEmbedding embedding = Of(plan);
        var sum = new double[embedding.Length];
        StepData.ReadInOrder(context, blobs, blob => StoredSketch.AddTo(sum, blob));
        return embedding.Gram(sum, context.Threads, context.Cancellation);
    }

    private static SparseEmbedding Of(TensorPlan plan) => new(plan.Columns, plan.Seed, plan.Index);

    private static double[] Roots(ReadOnlySpan<double> weights) => Array.ConvertAll(weights.ToArray(), Math.Sqrt);

    private static Memory<double> Empty(SparseEmbedding embedding)
    {
        Memory<double> sketch = KeptArray.AtLeast(ref _sketch, embedding.Length);
        sketch.Span.Clear();
        return sketch;
    }
}
