using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Steps;

namespace ClusterLp.Core.Jobs;

/// <summary>
/// The pipeline of one tensor as three functions: which stage comes first, what a block of the current stage must
/// compute, and what a finished stage leads to. No actors, no clocks, no I/O but the blob store.
/// </summary>
/// <remarks>
/// <c>svd</c>: scan, factorise. <c>lewis</c>: scan, Lewis rounds, factorise. <c>lp</c>: scan, refine rounds, factorise,
/// or with a coreset scan, one Lewis round, coreset, refine rounds, factorise; the joint fit is the first of these with joint rounds
/// before the last stage. Where the factors miss a target error, <c>lp</c> goes on with refine rounds at a higher rank, the
/// others with another factorisation. Where tensors share a budget, the allotment of ranks follows the scan. What comes between
/// scan and factorise is the tensor's model's affair (<see cref="IFactorModel"/>), which may have rounds of its own.
/// </remarks>
public static class FitPipeline
{
    /// <summary>The state before any block is computed.</summary>
    public static FitState Begin(TensorPlan plan) => new() { Stage = new StageId(StageKind.Scan, 0), Rank = plan.Rank ?? 0 };

    /// <summary>The task of block <paramref name="block"/> in the state's current stage. Pure.</summary>
    /// <exception cref="InvalidOperationException">The tensor is done.</exception>
    public static BlockTask TaskFor(TensorPlan plan, FitState state, int block)
    {
        plan = plan.Settled(state);
        StageParameters parameters = state.Stage.Kind switch
        {
            StageKind.Scan => new ScanParameters(),
            StageKind.Lewis => new LewisParameters(state.Scale, state.Ellipsoid!, state.LewisBlobs.IsEmpty ? null : state.LewisBlobs[block], state.FinalLewis),
            StageKind.Coreset => new CoresetParameters(state.Scale, state.LewisBlobs[block], state.WeightSum, state.NormSum,
                CoresetStep.RowsPerColumn * plan.Columns),
            StageKind.Refine => new RefineParameters(state.Scale, state.Basis!, state.Rank, state.ResidualFloor),
            StageKind.Joint => new JointParameters(state.Scale, state.JointBases, state.Rank, state.ResidualFloor),
            StageKind.Model => new ModelParameters(state.Scale, state.Rank, state.Model!.Of(block)),
            StageKind.Factorise => new FactoriseParameters(state.Scale, state.Basis, state.SvdBasis, state.Rank, state.Factors) { Model = state.Model?.Of(block), Columns = state.Columns },
            _ => throw new InvalidOperationException($"tensor {plan.Index} has no stage {state.Stage} to compute"),
        };
        return new BlockTask(new BlockAddress(plan.Index, state.Stage, block), plan, parameters, state.Input.IsEmpty ? null : state.Input[block], state.Metric)
        {
            Excluded = state.Stage.Kind is StageKind.Lewis or StageKind.Coreset or StageKind.Refine or StageKind.Joint ? state.Excluded : null,
        };
    }

    /// <summary>
    /// Computes one block on the calling thread and writes its blob under <paramref name="blobName"/>.
    /// <paramref name="source"/>: the tensor named by the task's plan.
    /// </summary>
    public static BlockResult RunBlock(BlockTask task, IMatrixSource source, string blobName, StepContext context) => task.Parameters switch
    {
        ScanParameters => ScanStep.Run(task, source, blobName, context),
        LewisParameters => LewisStep.Run(task, source, blobName, context),
        CoresetParameters => CoresetStep.Run(task, source, blobName, context),
        RefineParameters => RefineStep.Run(task, source, blobName, context),
        JointParameters => JointStep.Run(task, source, blobName, context),
        ModelParameters => Models.Of(task.Plan).RunRound(task, source, blobName, context),
        FactoriseParameters => FactoriseStep.Run(task, source, blobName, context),
        _ => throw new ArgumentException($"unknown parameters {task.Parameters.GetType().Name}", nameof(task)),
    };

    /// <summary>
    /// Names of the arrays that the reduction of the state's stage collects from blobs whose Gram matrices it adds up
    /// (<see cref="GramsAhead"/>); null: it adds none up, or not as they are.
    /// </summary>
    public static IReadOnlyList<string>? Collected(TensorPlan plan, FitState state) => state.Stage.Kind switch
    {
        StageKind.Scan when Models.Of(plan).ScansGram => ScanStep.Collected,
        StageKind.Lewis when LewisStep.AddsGrams(plan.Settled(state), state) => [],
        StageKind.Refine => RefineStep.Collected,
        StageKind.Joint => [],
        _ => null,
    };

    /// <summary>
    /// Reduces a finished stage (<paramref name="results"/> in block order) and says what comes next. Blobs it writes are
    /// named under <paramref name="blobPrefix"/>. May take seconds; the result is the same for any thread count.
    /// </summary>
    public static FitState Reduce(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context)
    {
        int blocks = state.Stage.Kind == StageKind.Allot ? 0 : plan.Partition.Count;
        if (results.Count != blocks)
            throw new ArgumentException($"{results.Count} results for {blocks} blocks", nameof(results));
        plan = plan.Settled(state);
        FitState next = state.Stage.Kind switch
        {
            StageKind.Scan => ScanStep.Reduce(plan, state, results, blobPrefix, context),
            StageKind.Allot => AllotStep.Reduce(plan, state, blobPrefix, context),
            StageKind.Lewis => LewisStep.Reduce(plan, state, results, blobPrefix, context),
            StageKind.Coreset => MergeStep.Reduce(plan, state, results, blobPrefix, context),
            StageKind.Refine => RefineStep.Reduce(plan, state, results, blobPrefix, context),
            StageKind.Joint => JointStep.Reduce(plan, state, results, blobPrefix, context),
            StageKind.Model => Models.Of(plan).ReduceRound(plan, state, results, blobPrefix, context),
            StageKind.Factorise => FactoriseStep.Reduce(plan, state, results, context),
            _ => throw new InvalidOperationException($"tensor {plan.Index} has no stage {state.Stage} to reduce"),
        };
        if (next.Stage.Kind != StageKind.Factorise)
            return next;
        // Each rank tried has a stage of its own, so that no late result of one is taken for another's.
        next = next with { Stage = new StageId(StageKind.Factorise, (next.Search?.Tries.Length ?? 1) - 1) };
        return MetricStep.TakeBack(plan, ColumnStep.Draw(plan, next, blobPrefix, context), blobPrefix, context);
    }
}
