using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.FactorModels.ExactRows;

/// <summary>
/// The m rows of largest score (<see cref="RowScores"/>), equal ones by their place. Every block of the scan keeps some candidates,
/// its rows of largest leverage within the block; the reduction scores these with the sums over all. A row left behind has at most the
/// leverage within all rows that it had within its block, which bounds its score: where the m-th best candidate is above that
/// bound, the scan has found them, in one pass. Elsewhere a second pass asks every block for the rows that beat that
/// candidate. Either way they are the m best of all rows, however those are cut into blocks.
/// </summary>
internal static class HeavyRowSearch
{
    /// <summary>The second pass.</summary>
    public const string Step = "heavy rows";

    /// <summary>One machine's kernels may differ from another's by this much, relatively.</summary>
    private const double Slack = 1e-5;

    /// <summary>Adds the block's candidates, as they are in the input, and "left" = [largest leverage of a row that is none].</summary>
    public static void AddToScan(BlockTask task, ReadOnlySpan<float> rows, ReadOnlySpan<double> c, ArrayBlob blob, StepContext context)
    {
        int d = task.Plan.Columns, most = HeavyRows.Candidates(task.Plan.ExactRows!.Value, c.Length);
        double[] inverse = LewisWeights.InverseFactor(PackedTriangle.Unpack(blob.View<double>("gram"), d), d);
        double[] leverage = RowScores.Leverage(rows, c.Length, d, c, LewisWeights.Pack(inverse, d), context.Cancellation);
        int[] kept = HeavyRows.Largest(leverage, most);
        HashSet<int> candidates = [.. kept];
        double left = 0;
        for (int i = 0; i < leverage.Length; i++)
            if (!candidates.Contains(i))
                left = Math.Max(left, leverage[i]);
        HeavyRows.Of(rows, d, task.Plan.Partition.FirstRow(task.Address.Block), c, kept).AddTo(blob).Add("left", [left], 1);
    }

    /// <summary>The heavy rows, scaled; where the scan's candidates leave them open, the tensor at the second pass.</summary>
    /// <remarks>Shared then: "inverse_cholesky" of the Gram matrix, and the SVD's basis; numbers: the score to beat.</remarks>
    public static (HeavyRows? Found, FitState State) First(TensorPlan plan, FitState state, ScanFindings scan, string blobPrefix, StepContext context)
    {
        int d = plan.Columns;
        double[] factor = LewisWeights.InverseFactor(scan.Gram!, d);
        var scores = new RowScores(new OrthonormalBasis(scan.Basis, d, state.Rank), scan.Eigenvalues, factor);
        (HeavyRows all, double[] found, double left) = Candidates(scores, state, scan, context);
        int[] largest = HeavyRows.Largest(found, (int)ExactRowsModel.Count(plan));
        double bound = scores.Bound(left);
        // Of a matrix of zeros any rows will do.
        if (scan.AbsoluteSum == 0 || left == 0 || largest.All(i => found[i] > bound))
            return (all.Choose(d, largest), state);
        BlobRef inverse = StepData.Write(context, $"{blobPrefix}/inverse", new ArrayBlob().Add("inverse_cholesky", factor, d, d));
        return (null, state with
        {
            Stage = new StageId(StageKind.Model, 0),
            Model = new ModelState(Step, 0)
            {
                Shared = [inverse, state.SvdBasis!],
                Numbers = [(1 - Slack) * largest.Min(i => found[i])],
                Kept = [scan.Keep($"{blobPrefix}/findings", withGram: true, context)],
            },
        });
    }

    /// <summary>The block's rows that beat the score, the m best of them at most, scaled; and "scores" float64, theirs.</summary>
    public static BlockResult Run(BlockTask task, IMatrixSource source, string blobName, StepContext context)
    {
        var parameters = (ModelParameters)task.Parameters;
        int d = task.Plan.Columns;
        Span<float> rows = StepData.ReadRows(task, source, parameters.Scale, context);
        double[] c = StepData.ReadRowWeights(task, context);
        RowScores scores = SharedOperands.Get(parameters.Round.Shared[0], $"scores {parameters.Rank}", () =>
        {
            ArrayBlob svd = StepData.Read(context, parameters.Round.Shared[1]);
            return new RowScores(new OrthonormalBasis(svd.Get<float>("basis"), d, parameters.Rank), svd.Get<double>("eigenvalues"),
                StepData.Read(context, parameters.Round.Shared[0]).Get<double>("inverse_cholesky"));
        });
        double[] found = scores.Of(rows, c.Length, c, context.Cancellation);
        double least = parameters.Round.Numbers[0];
        int[] beating = [.. HeavyRows.Largest(found, (int)ExactRowsModel.Count(task.Plan)).Where(i => found[i] >= least)];
        ArrayBlob blob = HeavyRows.Of(rows, d, task.Plan.Partition.FirstRow(task.Address.Block), c, beating).AddTo(new ArrayBlob())
            .Add("scores", Array.ConvertAll(beating, i => found[i]), beating.Length);
        return new BlockResult(StepData.Write(context, blobName, blob), new ModelFigures([beating.Length]));
    }

    /// <summary>The heavy rows of the second pass, scaled.</summary>
    public static HeavyRows Largest(TensorPlan plan, IReadOnlyList<BlockResult> results, StepContext context)
    {
        (var parts, var found) = (new List<HeavyRows>(), new List<double>());
        foreach (BlockResult result in results)
        {
            ArrayBlob blob = StepData.Read(context, result.Blob);
            parts.Add(HeavyRows.From(blob));
            found.AddRange(blob.Get<double>("scores"));
        }
        return HeavyRows.Join(parts).Choose(plan.Columns, HeavyRows.Largest([.. found], (int)ExactRowsModel.Count(plan)));
    }

    private static (HeavyRows Rows, double[] Scores, double Left) Candidates(RowScores scores, FitState state, ScanFindings scan, StepContext context)
    {
        (var parts, var found, double left) = (new List<HeavyRows>(), new List<double>(), 0.0);
        foreach (BlobRef block in scan.Blocks)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            ArrayBlob blob = StepData.Read(context, block);
            HeavyRows part = HeavyRows.From(blob);
            StepData.Multiply(part.Values, (float)state.Scale);
            parts.Add(part);
            found.AddRange(scores.Of(part.Values, part.Count, part.Weights, context.Cancellation));
            left = Math.Max(left, blob.Get<double>("left")[0]);
        }
        return (HeavyRows.Join(parts), [.. found], left);
    }
}
