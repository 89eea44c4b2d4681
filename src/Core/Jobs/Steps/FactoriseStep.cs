using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// What is stored of the block's rows (<see cref="IBlockEncoder"/>), and its errors beside those of the SVD of equal storage; with
/// a column metric in it and, by <see cref="MetricErrors"/>, without it.
/// </summary>
internal static class FactoriseStep
{
    /// <summary>Most rows encoded together.</summary>
    public const int PartRows = 8 * RowRegression.TileRows;

    // Where rows are that long, fewer: what is left of them lies beside them.
    private const int WidePartRows = RowRegression.TileRows;

    [ThreadStatic] private static float[]? _residual;

    public static BlockResult Run(BlockTask task, IMatrixSource source, string blobName, StepContext context)
    {
        var parameters = (FactoriseParameters)task.Parameters;
        context.States?.Forget(task.Plan);
        (TensorPlan plan, int d) = (task.Plan, task.Plan.Columns);
        Span<float> rows = StepData.ReadInput(task, source, parameters.Scale);
        int count = rows.Length / d;
        long firstRow = plan.Partition.FirstRow(task.Address.Block);
        double[] rowWeights = StepData.ReadRowWeights(task, context);
        OrthonormalBasis? svd = parameters.SvdBasis is { } blob
            ? StepData.ReadBasis(context, blob, d, Models.BaselineRank(plan, parameters.Rank)) : null;
        IBlockEncoder encoder = Models.Of(plan).Encoder(task, context);
        if (source is ISparseSource && task.Metric is null)
            encoder.Entries = StepData.LastSparse;
        var metric = MetricErrors.For(task, parameters, svd, context);
        int part = d > JobPlanner.MostColumns ? WidePartRows : PartRows;
        Span<float> residual = KeptArray.AtLeast(ref _residual, part * d).Span;
        (var ours, var baseline, var norms) = (new ErrorAccumulator(plan.P), new ErrorAccumulator(plan.P), new ErrorAccumulator(plan.P));
        var outcome = default(RegressionOutcome);
        bool isBaseline = encoder.IsBaseline || svd is null;
        for (int first = 0; first < count; first += part)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Progress?.Invoke((double)first / count);
            int height = Math.Min(part, count - first);
            using var clock = KernelClock.Measure(KernelKind.Elementwise);
            Span<float> a = rows.Slice(first * d, height * d);
            metric?.Load(a, height, rowWeights.AsSpan(first, height));
            ReadOnlySpan<double> c = rowWeights.AsSpan(first, height);
            Span<float> left = residual[..(height * d)];
            outcome += encoder.Encode(a, metric is null ? a : metric.Input[..(height * d)], height, firstRow + first, c, left);
            metric?.AddOurs(left, height, c);
            ours.Add(left, height, d, c);
            norms.Add(a, height, d, c);
            if (isBaseline)
                continue;
            svd!.ProjectionResidual(a, height, left);
            baseline.Add(left, height, d, c);
            metric?.AddSvd(a, height, c);
        }
        double scale = parameters.Scale / (metric?.Unit ?? 1);
        ArrayBlob stored = encoder.Finish();
        BlobRef written = context.Place is { } place
            ? place.Write(plan, task.Address.Block, parameters.Rank, stored.Bytes("u").Span) : StepData.Write(context, blobName, stored);
        return new BlockResult(written,
            new FactoriseFigures(ours.InOriginalUnits(scale), (isBaseline ? ours : baseline).InOriginalUnits(scale),
                outcome.InOriginalUnits(scale, plan.P), norms.InOriginalUnits(scale), metric?.Sums(parameters.Scale, isBaseline))
            {
                Model = [.. encoder.Figures],
            });
    }

    /// <summary>Done; or, where the factors miss a target error, on to a higher rank (<see cref="RankCheck"/>).</summary>
    public static FitState Reduce(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, StepContext context)
    {
        (ErrorSums ours, ErrorSums svd, ErrorSums norms) = (ErrorSums.Zero, ErrorSums.Zero, ErrorSums.Zero);
        var outcome = default(RegressionOutcome);
        PlainErrors? plain = null;
        foreach (FactoriseFigures figures in results.Select(r => (FactoriseFigures)r.Figures))
        {
            (ours, svd, norms) = (ours + figures.Ours, svd + figures.Svd, norms + figures.Norms);
            outcome += figures.Regression;
            plain = plain is null || figures.Plain is null ? figures.Plain : plain + figures.Plain;
        }
        state = state with
        {
            Stage = new StageId(StageKind.Done, 0),
            UBlocks = [.. results.Select(r => r.Blob)],
            Ours = ours,
            Svd = svd,
            Norms = norms,
            Regression = outcome,
            Plain = plain,
            // A damaged block of U may have to be computed again, until the output is written.
            Superseded = [],
        };
        return RankCheck.Conclude(plan, Models.Of(plan).Encoded(plan, state, results, context), context);
    }
}
