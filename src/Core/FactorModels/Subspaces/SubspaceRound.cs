using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.FactorModels.Subspaces;

/// <summary>
/// A round of <see cref="SubspaceClustering"/> over the blocks. Shared: "bases" J x d x d float32, the subspaces in hand, and those of
/// the round before until these have proved better. Numbers: eps of the IRLS weights, the objective of the round before, sampled rows,
/// rounds on the sample.
/// </summary>
/// <remarks>
/// Blob: "gram" J packed triangles float64; "residuals" float64, r_i of the block's sampled rows, and "residual_weights", their
/// c_i. Figures: J sizes, then J parts of the objective.
/// </remarks>
internal static class SubspaceRound
{
    /// <summary>Assigns the rows, and sums up the refit.</summary>
    public const string Step = "subspaces";

    public static BlockResult Run(BlockTask task, IMatrixSource source, string blobName, StepContext context)
    {
        var parameters = (ModelParameters)task.Parameters;
        (TensorPlan plan, int d) = (task.Plan, task.Plan.Columns);
        long firstRow = plan.Partition.FirstRow(task.Address.Block);
        Span<float> rows = StepData.ReadRows(task, source, parameters.Scale, context);
        double[] c = StepData.ReadRowWeights(task, context);
        SubspaceSet subspaces = Read(parameters.Round, d, parameters.Rank, context);
        var (ids, squares) = (new byte[c.Length], new double[c.Length]);
        subspaces.Assign(rows, c.Length, ids, squares, context.Cancellation);
        context.Progress?.Invoke(0.5);
        SubspaceGrams grams = SubspaceGrams.Of(rows, d, ids, squares, c, subspaces.Count, parameters.Round.Numbers[0], plan.P, context.Cancellation);
        var (residuals, weights) = (new List<double>(), new List<double>());
        for (int i = 0; i < c.Length; i++)
            if (StepData.IsSampled(firstRow + i, plan.Rows))
            {
                residuals.Add(Math.Sqrt(squares[i]));
                weights.Add(c[i]);
            }
        BlobRef blob = StepData.Write(context, blobName, new ArrayBlob().Add("gram", grams.Packed, grams.Packed.Length)
            .Add("residuals", [.. residuals], residuals.Count).Add("residual_weights", [.. weights], weights.Count));
        return new BlockResult(blob, new ModelFigures([.. grams.Sizes, .. grams.Objectives]));
    }

    /// <summary>The tensor at its first round.</summary>
    public static FitState Begin(FitState state, SubspaceClustering.Outcome start, int sampled, string blobPrefix, StepContext context) => state with
    {
        Stage = new StageId(StageKind.Model, 0),
        CoresetRows = sampled,
        MergeIterations = start.Rounds,
        Model = new ModelState(Step, 0)
        {
            Shared = [Write(context, blobPrefix, start.Subspaces)],
            Numbers = [start.Floor, double.MaxValue],
        },
    };

    /// <summary>The next round, or factorise with the best subspaces seen.</summary>
    public static FitState Reduce(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context)
    {
        (ModelState model, int d, int count) = (state.Model!, plan.Columns, plan.Subspaces!.Value);
        BlobRef[] done = [.. results.Select(result => result.Blob)];
        var (sizes, objectives) = (new long[count], new double[count]);
        foreach (ModelFigures figures in results.Select(result => (ModelFigures)result.Figures))
            for (int j = 0; j < count; j++)
            {
                sizes[j] += (long)figures.Sums[j];
                objectives[j] += figures.Sums[count + j];
            }
        double objective = objectives.Sum(), last = model.Numbers[1];
        (BlobRef now, BlobRef[] before) = (model.Shared[0], [.. model.Kept]);
        state = state with { RefineRounds = model.Round, LastObjective = Math.Min(last, objective) };
        if (SubspaceClustering.IsDone(last, objective, model.Round))
        {
            // The best seen are those in hand or those before: every earlier round improved.
            bool improved = objective < last || before.Length == 0;
            return state with
            {
                Stage = new StageId(StageKind.Factorise, 0),
                Model = model with { Shared = [improved ? now : before[0]], Kept = [], Numbers = [], Round = model.Round + 1 },
                Superseded = [.. done, .. improved ? before : [now]],
            };
        }
        GramSum sum = StepData.SumGrams(context, done, d, ["residuals", "residual_weights"], count);
        SubspaceSet next = SubspaceGrams.From(sum.Packed, sizes, objectives, d).Refit(state.Rank, context.Threads, context.Cancellation);
        return state with
        {
            Stage = new StageId(StageKind.Model, model.Round + 1),
            Model = model with
            {
                Round = model.Round + 1,
                Shared = [Write(context, blobPrefix, next)],
                Kept = [now],
                Numbers = [SubspaceIrls.ResidualFloor(sum.All<double>("residuals"), sum.All<double>("residual_weights")), objective],
            },
            Superseded = [.. done, .. before],
        };
    }

    /// <summary>The subspaces of a round, or of the encoding that follows.</summary>
    public static SubspaceSet Read(ModelRound round, int d, int rank, StepContext context) =>
        SharedOperands.Get(round.Shared[0], $"subspaces {rank}", () => SubspaceSet.From(StepData.Read(context, round.Shared[0]).View<float>("bases"), d, rank), most: 2);

    /// <summary>Writes subspaces for blocks to read.</summary>
    public static BlobRef Write(StepContext context, string blobPrefix, SubspaceSet subspaces) =>
        StepData.Write(context, $"{blobPrefix}/subspaces", new ArrayBlob().Add("bases", [.. Enumerable.Range(0, subspaces.Count).SelectMany(j => subspaces[j].Rows)], subspaces.Count, subspaces.D, subspaces.D));
}
