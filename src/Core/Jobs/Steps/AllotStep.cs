using System.Globalization;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// Where tensors share one budget: a scanned tensor waits until all are scanned, and then has its rank from all their spectra
/// (<see cref="RankAllotment"/>). No blocks: its reduction reads what the scans' reductions wrote. Every tensor works all ranks
/// out again, so that a restart, or one tensor started over, comes to the same.
/// </summary>
internal static class AllotStep
{
    /// <summary>
    /// The tensor after its scan, waiting. Writes "eigenvalues" float64 d, which stays until the job ends, and what the fit begins
    /// from (<see cref="ScanFindings.Keep"/>), for a Lewis round with the Gram matrix.
    /// </summary>
    public static FitState Await(TensorPlan plan, FitState scanned, ScanFindings findings, string blobPrefix, StepContext context) => scanned with
    {
        Stage = new StageId(StageKind.Allot, 0),
        Spectrum = StepData.Write(context, $"{blobPrefix}/spectrum", new ArrayBlob().Add("eigenvalues", findings.Eigenvalues, plan.Columns)),
        Scanned = findings.Keep($"{blobPrefix}/scanned", LowRankModel.BeginsWithLewis(plan, findings.Sample), context),
    };

    /// <summary>The tensor with its rank, at the stage its fit begins with; or done, where it is kept whole.</summary>
    /// <param name="plan">With a shared budget.</param>
    /// <param name="state">At this stage, with the spectra of all that share it.</param>
    /// <param name="blobPrefix">Names what is written.</param>
    /// <param name="context">Blobs and threads.</param>
    public static FitState Reduce(TensorPlan plan, FitState state, string blobPrefix, StepContext context)
    {
        Ranks ranks = SharedOperands.Get(state.Spectrum!, Key(plan, state), () => new Ranks(RankAllotment.Ranks(
            [.. state.Sharing.Select(tensor => new SharingMatrix(tensor.Rows, tensor.Columns, Eigenvalues(tensor.Spectrum, context)))], plan.SharedBudget!.Value)));
        int rank = ranks.Of[state.Sharing.Select(tensor => tensor.Index).ToList().IndexOf(plan.Index)];
        if (rank == RankAllotment.Whole)
            return state with { Stage = new StageId(StageKind.Done, 0), KeptWhole = true, AllottedError = 0, Sharing = [], Superseded = [] };
        ScanFindings scan = ScanFindings.Read(plan, state.Scanned!, state.SvdBasis!, context);
        double norm = TargetRank.Tail(scan.Eigenvalues, 0);
        return ScanStep.Begin(plan, state with
        {
            AllottedError = norm > 0 ? TargetRank.Tail(scan.Eigenvalues, rank) / norm : 0,
            Sharing = [],
            Scanned = null,
            Superseded = [state.Scanned!],
        }, scan, rank, blobPrefix, context);
    }

    private static double[] Eigenvalues(BlobRef spectrum, StepContext context) => StepData.Read(context, spectrum).Get<double>("eigenvalues");

    // All tensors come to this stage one after the other, with the same spectra: the ranks are worked out once.
    private static string Key(TensorPlan plan, FitState state) => "ranks of " + string.Join(' ', state.Sharing.Select(tensor =>
        string.Create(CultureInfo.InvariantCulture, $"{tensor.Index}:{tensor.Rows}:{tensor.Columns}:{tensor.Spectrum.Checksum}")).Prepend(
        plan.SharedBudget!.Value.ToString(CultureInfo.InvariantCulture)));

    private sealed record Ranks(int[] Of);
}
