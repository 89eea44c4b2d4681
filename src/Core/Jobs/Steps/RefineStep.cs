using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// One IRLS round on the full data (DESIGN 2.3): the objective of the basis in hand and the weighted Gram whose top
/// eigenvectors are the next one. Blob: "gram" packed float64; "residuals" float64, ||r_i|| of the block's sampled rows, and
/// "residual_weights", their c_i;
/// "surrogate" = [sum w_i r_i^2], the majoriser at the basis in hand.
/// </summary>
internal static class RefineStep
{
    public static BlockResult Run(BlockTask task, IMatrixSource source, string blobName, StepContext context)
    {
        var parameters = (RefineParameters)task.Parameters;
        (TensorPlan plan, int d) = (task.Plan, task.Plan.Columns);
        long firstRow = plan.Partition.FirstRow(task.Address.Block);
        Span<float> rows = StepData.ReadRows(task, source, parameters.Scale, context);
        int count = rows.Length / d;
        double[] rowWeights = StepData.ReadRowWeights(task, context);
        OrthonormalBasis basis = StepData.ReadBasis(context, parameters.Basis, d, parameters.Rank);

        var squares = new double[count];
        basis.SquaredResiduals(rows, count, squares, context.Cancellation);
        context.Progress?.Invoke(0.3);
        double objective = 0, surrogate = 0;
        var weights = new double[count];
        var sample = new List<double>();
        var sampleWeights = new List<double>();
        for (int i = 0; i < count; i++)
        {
            objective += rowWeights[i] * Math.Pow(squares[i], plan.P / 2);
            weights[i] = SubspaceIrls.Weight(rowWeights[i], squares[i], parameters.ResidualFloor, plan.P);
            surrogate += weights[i] * squares[i];
            if (!StepData.IsSampled(firstRow + i, plan.Rows))
                continue;
            sample.Add(Math.Sqrt(squares[i]));
            sampleWeights.Add(rowWeights[i]);
        }
        ReadOnlyMemory<double> gram = StepData.PackedGram(rows, count, d, weights, context, 0.3);
        BlobRef blob = StepData.Write(context, blobName, new ArrayBlob()
            .Add("gram", gram, gram.Length).Add("residuals", [.. sample], sample.Count)
            .Add("residual_weights", [.. sampleWeights], sample.Count).Add("surrogate", [surrogate], 1));
        return new BlockResult(blob, new RefineFigures(objective));
    }

    // Relative decrease below which the rounds end. From a coreset's V, and before joint rounds, little is left to gain; from the
    // SVD's, 1e-3 ended 0.5 % above the coreset's fit where single entries stood out.
    private static double Tolerance(TensorPlan plan, FitState state) => (plan.Fit, state.CoresetRows) switch
    {
        (Fit.Exact, _) => SubspaceIrls.Tolerance,
        (Fit.Joint, _) or (_, > 0) => 1e-3,
        _ => 5e-4,
    };

    /// <summary>What a reduction reads of the blobs beside their Grams.</summary>
    public static IReadOnlyList<string> Collected { get; } = ["residuals", "residual_weights", "surrogate"];

    public static FitState Reduce(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context)
    {
        int d = plan.Columns;
        double objective = results.Sum(r => ((RefineFigures)r.Figures).Objective);
        double tolerance = Tolerance(plan, state);
        BlobRef[] done = [.. results.Select(r => r.Blob)];
        // The best basis seen is the one in hand or the one before it: every earlier round improved.
        bool improved = objective < state.LastObjective;
        BlobRef best = improved ? state.Basis! : state.PreviousBasis!;
        BlobRef? other = improved ? state.PreviousBasis : state.Basis;
        state = state with { RefineRounds = state.RefineRounds + 1 };
        if (!(state.LastObjective - objective > tolerance * objective) || state.RefineRounds - state.RefinedBefore > SubspaceIrls.MostRounds)
            return Last(state with
            {
                Basis = best,
                PreviousBasis = null,
                LastObjective = Math.Min(objective, state.LastObjective),
                Superseded = Unneeded(other),
            });

        GramSum sum = StepData.SumGrams(context, done, d, Collected);
        double surrogate = sum.All<double>("surrogate").Sum();
        (double[] values, float[] rows) = OrthonormalBasis.EigenvectorsOfPacked(sum.Packed, d);
        BlobRef next = StepData.WriteBasis(context, $"{blobPrefix}/basis", rows, d);
        // sum c r^p is concave in r^2: no round lowers it by less than p/2 times the fall of its majoriser, and a round near
        // the end by little more. Where that is below half the tolerance, a pass that only measured it would be wasted.
        if (plan.P / 2 * (surrogate - values.Skip(state.Rank).Sum()) < tolerance / 2 * objective)
            return Last(state with
            {
                Basis = next,
                PreviousBasis = null,
                LastObjective = objective,
                Superseded = Unneeded(state.Basis, state.PreviousBasis),
            });
        return state with
        {
            Stage = new StageId(StageKind.Refine, state.RefineRounds),
            Basis = next,
            PreviousBasis = state.Basis,
            LastObjective = objective,
            ResidualFloor = SubspaceIrls.ResidualFloor(sum.All<double>("residuals"), sum.All<double>("residual_weights")),
            Superseded = Unneeded(state.PreviousBasis),
        };

        FitState Last(FitState found) => plan.Fit == Fit.Joint ? JointStep.Begin(found) : found with { Stage = new StageId(StageKind.Factorise, 0) };

        // The SVD's basis stays: the baseline is measured with it.
        System.Collections.Immutable.ImmutableArray<BlobRef> Unneeded(params BlobRef?[] bases) =>
            [.. done, .. bases.OfType<BlobRef>().Where(basis => basis != state.SvdBasis)];
    }
}
