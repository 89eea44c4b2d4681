using ClusterLp.Core.Formats;

namespace ClusterLp.Core.Jobs;

/// <summary>
/// The pipeline of one tensor as three functions: which stage comes first, what a block of the current stage must
/// compute, and what a finished stage leads to. No actors, no clocks, no I/O but the blob store.
/// </summary>
public static class FitPipeline
{
    /// <summary>The state before any block is computed.</summary>
    public static FitState Begin(TensorPlan plan) => new() { Stage = new StageId(StageKind.Scan, 0), Rank = plan.Rank ?? 0 };

    /// <summary>The task of block <paramref name="block"/> in the state's current stage. Pure.</summary>
    public static BlockTask TaskFor(TensorPlan plan, FitState state, int block) => throw new NotImplementedException();

    /// <summary>
    /// Computes one block on the calling thread and writes its blob under <paramref name="blobName"/>.
    /// <paramref name="source"/>: the tensor named by the task's plan.
    /// </summary>
    public static BlockResult RunBlock(BlockTask task, IMatrixSource source, string blobName, StepContext context) =>
        throw new NotImplementedException();

    /// <summary>
    /// Reduces a finished stage (<paramref name="results"/> in block order) and says what comes next. Blobs it writes are
    /// named under <paramref name="blobPrefix"/>. May take seconds; the result is the same for any thread count.
    /// </summary>
    public static FitState Reduce(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context) =>
        throw new NotImplementedException();
}
