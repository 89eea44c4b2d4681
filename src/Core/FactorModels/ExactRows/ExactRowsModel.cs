using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.FactorModels.ExactRows;

/// <summary>
/// A = U V but for m heavy rows, which are stored as they are: (n - m) x k, k x d and m x d, and the m places. The rows are found by
/// the scan (<see cref="HeavyRowSearch"/>); from then on their weight is 0, and the others are fitted as
/// <see cref="LowRankModel"/> fits all.
/// </summary>
internal sealed class ExactRowsModel(LowRankModel others) : IFactorModel
{
    /// <summary>Parts of a tensor's name.</summary>
    public const string Rows = "exact", Places = "exact_ids";

    public string Name => "exact-rows";

    public string? Conflict(JobSpec spec) => spec switch
    {
        { TargetError: not null } => "exact-rows needs a rank or a compression: where heavy rows are stored apart, no estimate of the rank from all rows holds.",
        { ColumnMetric: not null } => "exact-rows does not go with column-metric: in a metric other rows are heavy, and stored exactly they would still be.",
        { Compression: double c, ExactRows: double share } when share >= 1 - c =>
            FormattableString.Invariant($"exact-rows {share} alone takes more than the {1 - c:G4} that compression {c} leaves: keep fewer rows or save less."),
        _ => null,
    };

    /// <summary>m.</summary>
    public static long Count(TensorPlan plan) => HeavyRows.Number(plan.ExactRows!.Value, plan.Rows);

    /// <summary>The element type of the places of n rows.</summary>
    public static ElementType PlaceType(long rows) => rows <= int.MaxValue ? ElementType.I32 : ElementType.I64;

    public long StoredBytes(TensorPlan plan, int rank)
    {
        (long m, int size) = (Count(plan), plan.FactorType.Size());
        return checked(((plan.Rows - m + plan.Columns) * rank + m * plan.Columns) * size + m * PlaceType(plan.Rows).Size());
    }

    /// <summary>All blocks' candidates as they are read, as they are joined and as they are chosen from, and each thread's own.</summary>
    public double WorkingBytes(TensorPlan plan, int threads)
    {
        double row = sizeof(float) * plan.Columns;
        int block = HeavyRows.Candidates(plan.ExactRows!.Value, plan.Partition.RowCount(0));
        return row * (4.0 * block * plan.Partition.Count + 2.0 * block * threads) + others.WorkingBytes(plan, threads);
    }

    public IEnumerable<string> StoredNames(FactorNames names) => [names.U, names.V, names.Part(Rows), names.Part(Places)];

    public bool ReadsScannedRows => true;

    public void AddToScan(BlockTask task, ReadOnlySpan<float> rows, ReadOnlySpan<double> rowWeights, ArrayBlob blob, StepContext context) =>
        HeavyRowSearch.AddToScan(task, rows, rowWeights, blob, context);

    public FitState Begin(TensorPlan plan, FitState state, ScanFindings scan, string blobPrefix, StepContext context)
    {
        (HeavyRows? found, state) = HeavyRowSearch.First(plan, state, scan, blobPrefix, context);
        return found is null ? state
            : Chosen(plan, state with { Model = new ModelState(HeavyRowSearch.Step, 0) { Numbers = [1] } }, scan, found, blobPrefix, context);
    }

    public BlockResult RunRound(BlockTask task, IMatrixSource source, string blobName, StepContext context) =>
        ((ModelParameters)task.Parameters).Round.Step == HeavyRowSearch.Step
            ? HeavyRowSearch.Run(task, source, blobName, context)
            : OthersGram.Run(task, source, blobName, context);

    public FitState ReduceRound(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context)
    {
        (ModelState model, BlobRef kept) = (state.Model!, state.Model!.Kept[0]);
        state = state with { Superseded = [] };
        ScanFindings scan = ScanFindings.Read(plan, kept, state.SvdBasis!, context);
        FitState next;
        if (model.Step == HeavyRowSearch.Step)
        {
            HeavyRows found = HeavyRowSearch.Largest(plan, results, context);
            next = Chosen(plan, state with { Model = model with { Round = model.Round + 1, Shared = [], Kept = [], Numbers = [2] } }, scan, found, blobPrefix, context);
        }
        else
        {
            double[] gram = Core.LpFit.PackedTriangle.Unpack(StepData.SumGrams(context, [.. results.Select(r => r.Blob)], plan.Columns).Packed, plan.Columns);
            next = others.Begin(plan, OthersGram.Start(state with { Model = model with { Round = model.Round + 1, Kept = [] } }, ref scan, gram, blobPrefix, context), scan, blobPrefix, context);
        }
        // The SVD's basis stays: the baseline is measured with it.
        return next with { Superseded = [.. next.Superseded, kept, .. model.Shared.Except([.. next.Model!.Shared, state.SvdBasis!]), .. results.Select(r => r.Blob)] };
    }

    /// <summary>The tensor with its heavy rows known, at the first stage of the others' fit; or at the round that adds up their Gram.</summary>
    private FitState Chosen(TensorPlan plan, FitState state, ScanFindings scan, HeavyRows heavy, string blobPrefix, StepContext context)
    {
        BlobRef rows = StepData.Write(context, $"{blobPrefix}/exact-rows", new ArrayBlob().Add("rows", ElementType.I64, heavy.Places, heavy.Count));
        state = state with { Excluded = rows, Model = state.Model! with { Shared = [rows] } };
        (scan, bool accurate) = OthersGram.Without(plan, scan, heavy);
        return accurate
            ? others.Begin(plan, OthersGram.Start(state, ref scan, scan.Gram!, blobPrefix, context), scan, blobPrefix, context)
            : OthersGram.Again(plan, state, scan, blobPrefix, context);
    }

    public IBlockEncoder Encoder(BlockTask task, StepContext context) => new ExactRowsEncoder(task, context);

    public StoredModel Stored(TensorPlan plan, FitState fit, IBlobStore blobs) => new StoredExactRows(plan, fit, blobs);

    public IRowDecoder Decoder(IModel output, FactorNames names, TensorReport report, bool transposed)
    {
        long[] places = ExactRowsDecoder.ReadPlaces(output, names.Part(Places), report.Rows);
        IMatrixSource exact = output.OpenMatrix(names.Part(Rows));
        try
        {
            if (exact.Rows != places.Length || exact.Columns != report.Columns)
                throw ClusterLpException.BadInput($"{output.Path}: \"{exact.Name}\" is {exact.Rows} x {exact.Columns}; expected {places.Length} x {report.Columns}.");
            return new ExactRowsDecoder(others.Decoder(output, names, report with { Rows = report.Rows - places.Length }, transposed), exact, places);
        }
        catch
        {
            exact.Dispose();
            throw;
        }
    }

    public FitState Encoded(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, StepContext context) => others.Encoded(plan, state, results, context);

    public TensorReport Describe(TensorReport report, TensorPlan plan, FitState fit) =>
        others.Describe(report, plan, fit) with { ExactRows = new ExactRowsReport(Count(plan), (int)fit.Model!.Numbers[0]) };
}
