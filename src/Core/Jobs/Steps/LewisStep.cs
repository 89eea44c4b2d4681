using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// One round of the Lewis weight contraction (DESIGN 2.1): new weights from the ellipsoid in hand, and this block's part of
/// the next ellipsoid. Blob: "gram" packed float64 or, with a sparse embedding, "sketch" (<see cref="SketchedEllipsoid"/>), "weights" and "norms" float64 a row (norms: ||a_i||, scaled).
/// </summary>
internal static class LewisStep
{
    /// <summary>
    /// Rounds before a coreset; the method <c>lewis</c> goes on until the weights stand still. One is enough: with two or
    /// three the final l_p error differed by 0.25 % at most on heavy-tailed rows, less than a change of seed moves it.
    /// </summary>
    private const int CoresetRounds = 1;

    /// <summary>A coreset needs the last round's weights alone.</summary>
    private static bool IsLast(TensorPlan plan, int rounds) => plan.Method != Method.Lewis && rounds >= CoresetRounds;

    /// <summary>Whether the reduction of the state's round adds up Gram matrices.</summary>
    public static bool AddsGrams(TensorPlan plan, FitState state) => !IsLast(plan, state.Stage.Round + 1) && !IsSketched(plan, state);

    private static bool IsSketched(TensorPlan plan, FitState state) => plan.Embedding == Embedding.Sparse && !state.FinalLewis;

    private const int MostRounds = 30;
    private const double Tolerance = 1e-3;

    // Of weights from signs, each 18 % off or so: what is gained by rest beyond this is noise.
    private const double SketchedTolerance = 2e-2;

    public static BlockResult Run(BlockTask task, IMatrixSource source, string blobName, StepContext context)
    {
        var parameters = (LewisParameters)task.Parameters;
        (TensorPlan plan, int d) = (task.Plan, task.Plan.Columns);
        bool sketched = plan.Embedding == Embedding.Sparse;
        // One of them; a column metric fills the rows.
        SparseRows? entries = sketched && task.Metric is null && source is ISparseSource sparse ? StepData.ReadSparse(task, sparse, parameters.Scale) : null;
        Span<float> rows = entries is null ? StepData.ReadRows(task, source, parameters.Scale, context) : default;
        int count = entries?.Count ?? rows.Length / d;
        double[] rowWeights = StepData.ReadRowWeights(task, context);
        double[]? before = parameters.PreviousWeights is null ? null : StepData.Read(context, parameters.PreviousWeights).Get<double>("weights");
        bool last = IsLast(plan, task.Address.Stage.Round + 1);
        double[] Inverse() => StepData.Read(context, parameters.Ellipsoid).Get<double>("inverse_cholesky");
        var weights = new double[count];
        if (entries is not null)
            LewisWeights.Update(entries, d, SharedOperands.Get(parameters.Ellipsoid, "inverse factor by columns",
                () => LewisWeights.SketchColumns(Inverse(), d, plan.Seed, plan.Index)), rowWeights, plan.P, weights, context.Cancellation);
        else
            // The last weights before a coreset only say how often a row is drawn, which any positive numbers may; those of a
            // sketch are no better than it.
            LewisWeights.Update(rows, count, d, SharedOperands.Get(parameters.Ellipsoid, "inverse factor",
                () => last || sketched ? LewisWeights.Sketch(Inverse(), d, plan.Seed, plan.Index) : LewisWeights.Pack(Inverse(), d)),
                rowWeights, plan.P, weights, context.Cancellation);
        context.Progress?.Invoke(0.5);
        double weightSum = 0, normSum = 0, change = 0;
        var norms = new double[count];
        for (int i = 0; i < count; i++)
        {
            norms[i] = Math.Sqrt(PowerSums.Squares(entries is null ? rows.Slice(i * d, d) : entries.ValuesOf(i)));
            weightSum += weights[i];
            normSum += rowWeights[i] * norms[i];
            // A row that does not count has no logarithm.
            if (rowWeights[i] > 0)
                change = Math.Max(change, before is null ? double.MaxValue : Math.Abs(Math.Log(weights[i] / before[i])));
        }
        ArrayBlob arrays = new ArrayBlob().Add("weights", weights, count).Add("norms", norms, count);
        if (!last)
        {
            double[] gramWeights = [.. weights.Zip(rowWeights, (w, c) => LewisWeights.GramWeight(w, c, plan.P))];
            if (!sketched || parameters.Final)
            {
                ReadOnlyMemory<double> gram = entries is null ? StepData.PackedGram(rows, count, d, gramWeights, context, 0.5) : SparseScan.Gram(entries, d, gramWeights, context);
                arrays.Add("gram", gram, gram.Length);
            }
            else if (entries is null)
                SketchedEllipsoid.Add(task, rows, gramWeights, arrays);
            else
                SketchedEllipsoid.Add(task, entries, gramWeights, arrays);
        }
        return new BlockResult(StepData.Write(context, blobName, arrays), new LewisFigures(weightSum, normSum, change));
    }

    public static FitState Reduce(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context)
    {
        int d = plan.Columns, rounds = state.LewisRounds + 1;
        double weightSum = 0, normSum = 0, change = 0;
        foreach (LewisFigures figures in results.Select(r => (LewisFigures)r.Figures))
        {
            weightSum += figures.WeightSum;
            normSum += figures.NormSum;
            change = Math.Max(change, figures.LargestChange);
        }
        state = state with
        {
            WeightSum = weightSum,
            NormSum = normSum,
            LewisRounds = rounds,
            LewisBlobs = [.. results.Select(r => r.Blob)],
            Superseded = [.. state.LewisBlobs, state.Ellipsoid!],
            Ellipsoid = null,
        };
        if (IsLast(plan, rounds))
            return state with { Stage = new StageId(StageKind.Coreset, 0), Basis = state.Basis ?? state.SvdBasis };
        bool sketched = IsSketched(plan, state);
        double[] matrix = sketched ? SketchedEllipsoid.Sum(plan, state.LewisBlobs, context)
            : PackedTriangle.Unpack(StepData.SumGrams(context, state.LewisBlobs, d).Packed, d);
        bool resting = state.FinalLewis || change < (sketched ? SketchedTolerance : Tolerance) || rounds >= MostRounds;
        if (plan.Method != Method.Lewis || !resting || sketched)
            return state with
            {
                Stage = new StageId(StageKind.Lewis, rounds),
                FinalLewis = sketched && resting,
                Ellipsoid = WriteEllipsoid(context, $"{blobPrefix}/ellipsoid", matrix, d),
            };

        BlobRef basis = StepData.WriteBasis(context, $"{blobPrefix}/basis", OrthonormalBasis.Eigenvectors(matrix, d).Rows, d);
        return state with
        {
            Stage = new StageId(StageKind.Factorise, 0),
            FinalLewis = false,
            Basis = basis,
            Superseded = [.. state.Superseded, .. state.LewisBlobs, .. state.Basis is { } start ? new[] { start } : []],
            LewisBlobs = [],
        };
    }

    /// <summary>The inverse Cholesky factor of an ellipsoid's matrix: all that the next round reads of it.</summary>
    public static BlobRef WriteEllipsoid(StepContext context, string name, double[] matrix, int d) =>
        StepData.Write(context, name, new ArrayBlob().Add("inverse_cholesky", LewisWeights.InverseFactor(matrix, d), d, d));
}
