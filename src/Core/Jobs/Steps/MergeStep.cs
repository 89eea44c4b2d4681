using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// The coreset stage's reduction: the union of the blocks' samples, in block order, and on it the subspace fit from the
/// SVD's start.
/// </summary>
internal static class MergeStep
{
    public static FitState Reduce(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context)
    {
        int d = plan.Columns, count = results.Sum(r => ((CoresetFigures)r.Figures).Rows);
        var rows = new float[checked(count * d)];
        var weights = new double[count];
        int at = 0;
        foreach (BlockResult result in results)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            ArrayBlob blob = StepData.Read(context, result.Blob);
            double[] part = blob.Get<double>("weights");
            part.CopyTo(weights, at);
            blob.Get<float>("rows").CopyTo(rows, at * d);
            at += part.Length;
        }
        OrthonormalBasis start = StepData.ReadBasis(context, state.Basis!, d, state.Rank);
        (OrthonormalBasis basis, int rounds, double floor) = SubspaceIrls.Fit(rows, count, weights, start, plan.P, context.Threads, context.Cancellation);
        return state with
        {
            Stage = new StageId(StageKind.Refine, 0),
            Basis = StepData.WriteBasis(context, $"{blobPrefix}/basis", basis.Rows, d),
            ResidualFloor = floor,
            CoresetRows = count,
            MergeIterations = rounds,
            LewisBlobs = [],
            // The SVD's basis stays: the baseline is measured with it.
            Superseded = [.. state.LewisBlobs, .. results.Select(r => r.Blob), .. new[] { state.Basis! }.Where(start => start != state.SvdBasis)],
        };
    }
}
