using ClusterLp.Core.Formats;

namespace ClusterLp.Core.Jobs;

/// <summary>The pipeline as the actors see it; <see cref="Standard"/> is <see cref="FitPipeline"/>.</summary>
public interface IFitPipeline
{
    /// <inheritdoc cref="FitPipeline.Begin"/>
    FitState Begin(TensorPlan plan);

    /// <inheritdoc cref="FitPipeline.TaskFor"/>
    BlockTask TaskFor(TensorPlan plan, FitState state, int block);

    /// <inheritdoc cref="FitPipeline.RunBlock"/>
    BlockResult RunBlock(BlockTask task, IMatrixSource source, string blobName, StepContext context);

    /// <inheritdoc cref="FitPipeline.Collected"/>
    IReadOnlyList<string>? Collected(TensorPlan plan, FitState state) => null;

    /// <inheritdoc cref="FitPipeline.Reduce"/>
    FitState Reduce(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context);

    /// <summary>The pipeline every job runs.</summary>
    static IFitPipeline Standard { get; } = new StandardPipeline();

    private sealed class StandardPipeline : IFitPipeline
    {
        public FitState Begin(TensorPlan plan) => FitPipeline.Begin(plan);

        public BlockTask TaskFor(TensorPlan plan, FitState state, int block) => FitPipeline.TaskFor(plan, state, block);

        public BlockResult RunBlock(BlockTask task, IMatrixSource source, string blobName, StepContext context) =>
            FitPipeline.RunBlock(task, source, blobName, context);

        public IReadOnlyList<string>? Collected(TensorPlan plan, FitState state) => FitPipeline.Collected(plan, state);

        public FitState Reduce(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context) =>
            FitPipeline.Reduce(plan, state, results, blobPrefix, context);
    }
}
