using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// U for the block's rows, rounded to the factors' type, and the errors of what is stored beside the SVD's.
/// Blob: "u", rows x k in the factors' type and the matrix' own units.
/// </summary>
internal static class FactoriseStep
{
    private const int PartRows = 8 * RowRegression.TileRows;

    public static BlockResult Run(BlockTask task, IMatrixSource source, string blobName, StepContext context)
    {
        var parameters = (FactoriseParameters)task.Parameters;
        (TensorPlan plan, int d, int k) = (task.Plan, task.Plan.Columns, parameters.Rank);
        float[] rows = StepData.ReadRows(task, source, parameters.Scale);
        int count = rows.Length / d;
        double[] rowWeights = StepData.ReadRowWeights(task);
        OrthonormalBasis basis = StepData.ReadBasis(context, parameters.Basis, d, k);
        OrthonormalBasis svd = parameters.SvdBasis == parameters.Basis ? basis : StepData.ReadBasis(context, parameters.SvdBasis, d, k);
        var regression = new RowRegression(basis, plan.Method == Method.Lp ? plan.P : 2, RegressionOptions.For(plan.P));

        float[] storedV = basis.Rows.AsSpan(0, k * d).ToArray();
        FactorRounding.Round(storedV, plan.FactorType);
        PackedMatrix<float> v = PackedMatrix<float>.FromRows(storedV, k, d);
        var u = new float[count * k];
        var residual = new float[PartRows * d];
        (var ours, var baseline) = (new ErrorAccumulator(plan.P), new ErrorAccumulator(plan.P));
        double gap = 0;
        long iterations = 0;
        for (int first = 0; first < count; first += PartRows)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Progress?.Invoke((double)first / count);
            int height = Math.Min(PartRows, count - first);
            ReadOnlySpan<float> a = rows.AsSpan(first * d, height * d);
            ReadOnlySpan<double> c = rowWeights.AsSpan(first, height);
            Span<float> target = u.AsSpan(first * k, height * k);
            RegressionOutcome outcome = regression.Solve(a, height, target, context.Cancellation);
            gap = Math.Max(gap, outcome.LargestGap);
            iterations += outcome.Iterations;

            // Rounding happens in the matrix' own units, measuring in scaled ones: a power of two lies between.
            StepData.Multiply(target, (float)(1 / parameters.Scale));
            FactorRounding.Round(target, plan.FactorType);
            if (PowerSums.FirstNonFinite(target) >= 0)
                throw ClusterLpException.BadInput(
                    $"tensor \"{plan.Name}\": a factor's entry in row {plan.Partition.FirstRow(task.Address.Block) + first + PowerSums.FirstNonFinite(target) / k} is beyond {plan.FactorType}'s range; choose --dtype f32.");
            float[] stored = target.ToArray();
            StepData.Multiply(stored, (float)parameters.Scale);
            Gemm.Multiply(stored, k, height, v, residual, d);
            for (int i = 0; i < height * d; i++)
                residual[i] = a[i] - residual[i];
            ours.Add(residual, height, d, c);
            svd.ProjectionResidual(a, height, residual);
            baseline.Add(residual, height, d, c);
        }
        var blob = new ArrayBlob();
        FactorRounding.AddTo(blob, "u", u, plan.FactorType, count, k);
        return new BlockResult(StepData.Write(context, blobName, blob),
            new FactoriseFigures(ours.InOriginalUnits(parameters.Scale), baseline.InOriginalUnits(parameters.Scale), gap, iterations));
    }

    public static FitState Reduce(FitState state, IReadOnlyList<BlockResult> results)
    {
        (ErrorSums ours, ErrorSums svd) = (ErrorSums.Zero, ErrorSums.Zero);
        double gap = 0;
        long iterations = 0;
        foreach (FactoriseFigures figures in results.Select(r => (FactoriseFigures)r.Figures))
        {
            (ours, svd) = (ours + figures.Ours, svd + figures.Svd);
            gap = Math.Max(gap, figures.LargestGap);
            iterations += figures.Iterations;
        }
        return state with
        {
            Stage = new StageId(StageKind.Done, 0),
            UBlocks = [.. results.Select(r => r.Blob)],
            Ours = ours,
            Svd = svd,
            LargestGap = gap,
            RegressionIterations = iterations,
            Superseded = state.SvdBasis is { } baseline && baseline != state.Basis ? [baseline] : [],
        };
    }
}

/// <summary>Rounding of factors to their stored type, to nearest, ties to even.</summary>
internal static class FactorRounding
{
    /// <summary>Replaces every value by the nearest of the type (F32, F16 or BF16); beyond the type's range by infinity.</summary>
    public static void Round(Span<float> values, ElementType type)
    {
        if (type == ElementType.F16)
            for (int i = 0; i < values.Length; i++)
                values[i] = (float)(Half)values[i];
        else if (type == ElementType.BF16)
            foreach (ref float value in values)
                value = BitConverter.UInt32BitsToSingle((uint)Upper(value) << 16);
    }

    /// <summary>Adds rows x columns values as an array of the type.</summary>
    public static void AddTo(ArrayBlob blob, string name, float[] values, ElementType type, int rows, int columns)
    {
        if (type == ElementType.F16)
            blob.Add(name, type, Array.ConvertAll(values, value => (Half)value), rows, columns);
        else if (type == ElementType.BF16)
            blob.Add(name, type, Array.ConvertAll(values, Upper), rows, columns);
        else
            blob.Add(name, values, rows, columns);
    }

    private static ushort Upper(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
