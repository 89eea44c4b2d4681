using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// U for the block's rows, rounded to the factors' type, and the errors of what is stored beside the SVD's; with a column
/// metric in it and, by <see cref="MetricErrors"/>, without it.
/// Blob: "u", rows x k in the factors' type and the matrix' own units.
/// </summary>
internal static class FactoriseStep
{
    private const int PartRows = 8 * RowRegression.TileRows;

    [ThreadStatic] private static byte[]? _stored;
    [ThreadStatic] private static float[]? _u;
    [ThreadStatic] private static float[]? _residual;

    public static BlockResult Run(BlockTask task, IMatrixSource source, string blobName, StepContext context)
    {
        var parameters = (FactoriseParameters)task.Parameters;
        context.States?.Forget(task.Plan);
        (TensorPlan plan, int d, int k) = (task.Plan, task.Plan.Columns, parameters.Rank);
        Span<float> rows = StepData.ReadInput(task, source, parameters.Scale);
        int count = rows.Length / d;
        double[] rowWeights = StepData.ReadRowWeights(task);
        OrthonormalBasis basis = StepData.ReadBasis(context, parameters.Basis, d, k);
        OrthonormalBasis svd = parameters.SvdBasis == parameters.Basis ? basis : StepData.ReadBasis(context, parameters.SvdBasis, d, k);
        RegressionOptions options = plan.Tolerance is null && plan.Fit == Fit.Joint ? RegressionOptions.Close(plan.P) : RegressionOptions.For(plan.P, plan.Tolerance);
        var regression = new RowRegression(basis, plan.Method == Method.Lp ? plan.P : 2, options);

        int size = plan.FactorType.Size();
        Memory<byte> kept = StepData.Reuse(ref _stored, checked(count * k * size));
        Span<byte> stored = kept.Span;
        var metric = MetricErrors.For(task, parameters, svd, context);
        PackedMatrix<float> v = metric is null
            ? SharedOperands.Get(parameters.Basis, $"V as stored, {k} {plan.FactorType}", () => StoredV([.. basis.Rows.AsSpan(0, k * d)], k, d, plan.FactorType))
            : StoredV(metric.V, k, d, plan.FactorType);
        Span<float> u = StepData.Reuse(ref _u, PartRows * k).Span, residual = StepData.Reuse(ref _residual, PartRows * d).Span;
        (var ours, var baseline, var norms) = (new ErrorAccumulator(plan.P), new ErrorAccumulator(plan.P), new ErrorAccumulator(plan.P));
        // The SVD stored as float32 is its own baseline.
        bool isBaseline = plan.Method == Method.Svd && plan.FactorType == ElementType.F32;
        bool asRegressed = plan.FactorType == ElementType.F32 && !regression.IsProjection;
        var outcome = default(RegressionOutcome);
        for (int first = 0; first < count; first += PartRows)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Progress?.Invoke((double)first / count);
            int height = Math.Min(PartRows, count - first);
            using var clock = KernelClock.Measure(KernelKind.Elementwise);
            Span<float> a = rows.Slice(first * d, height * d);
            metric?.Load(a, height, rowWeights.AsSpan(first, height));
            ReadOnlySpan<double> c = rowWeights.AsSpan(first, height);
            Span<float> target = u[..(height * k)];
            Span<float> left = residual[..(height * d)];
            outcome += regression.Solve(a, height, target, context.Cancellation, c, left);

            // Rounding happens in the matrix' own units, measuring in scaled ones: a power of two lies between.
            StepData.Multiply(target, (float)(1 / parameters.Scale));
            StoreAndReadBack(plan.FactorType, target, stored.Slice(first * k * size, height * k * size));
            if (PowerSums.FirstNonFinite(target) >= 0)
                throw ClusterLpException.BadInput(
                    $"tensor \"{plan.Name}\": a factor's entry in {(plan.Transposed ? "column" : "row")} {plan.Partition.FirstRow(task.Address.Block) + first + PowerSums.FirstNonFinite(target) / k} is beyond {plan.FactorType}'s range; choose --dtype f32.");
            StepData.Multiply(target, (float)parameters.Scale);
            if (metric is not null || !asRegressed || !OutweighsRounding(left, a, height, d))
            {
                Gemm.Multiply(target, k, height, v, left, d);
                Difference.Of(metric is null ? a : metric.Input[..(height * d)], left, left);
            }
            metric?.AddOurs(left, height, c);
            ours.Add(left, height, d, c);
            norms.Add(a, height, d, c);
            if (isBaseline)
                continue;
            svd.ProjectionResidual(a, height, left);
            baseline.Add(left, height, d, c);
            metric?.AddSvd(a, height, c);
        }
        ArrayBlob blob = new ArrayBlob().Add("u", plan.FactorType, kept.Slice(0, count * k * size), count, k);
        double scale = parameters.Scale / (metric?.Unit ?? 1);
        return new BlockResult(StepData.Write(context, blobName, blob),
            new FactoriseFigures(ours.InOriginalUnits(scale), (isBaseline ? ours : baseline).InOriginalUnits(scale),
                outcome.InOriginalUnits(scale, plan.P), norms.InOriginalUnits(scale), metric?.Sums(parameters.Scale, isBaseline)));
    }

    /// <summary>
    /// Whether what the regression left of these rows is A - U V as stored in float32, to 1e-4 in every sum: where the largest
    /// row of A is at most 300 times the mean row of the residual, rounding U moves no sum by more. It saves the product.
    /// </summary>
    private static bool OutweighsRounding(ReadOnlySpan<float> residual, ReadOnlySpan<float> a, int height, int d)
    {
        double largest = 0;
        for (int i = 0; i < height; i++)
            largest = Math.Max(largest, PowerSums.Squares(a.Slice(i * d, d)));
        return largest <= 300.0 * 300.0 * PowerSums.Squares(residual) / height;
    }

    /// <summary>V packed after its k x d entries were rounded to the stored type, in place.</summary>
    private static PackedMatrix<float> StoredV(float[] v, int k, int d, ElementType type)
    {
        StoreAndReadBack(type, v, new byte[v.Length * type.Size()]);
        return PackedMatrix<float>.FromRows(v, k, d);
    }

    /// <summary>Rounds to the stored type, keeps the bytes, and gives back what a reader of them will see.</summary>
    private static void StoreAndReadBack(ElementType type, Span<float> values, Span<byte> bytes)
    {
        ElementConversion.FromFloat32(type, values, bytes);
        ElementConversion.ToFloat32(type, bytes, values);
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
        return RankCheck.Conclude(plan, state with
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
        }, context);
    }
}
