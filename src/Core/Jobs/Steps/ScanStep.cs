using System.Globalization;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// Scan: every entry is checked, then A^T C A (unscaled), the sums of DESIGN 2.2 step 1, and a fixed row sample.
/// Its reduction gives the scale, the SVD baseline and, with a target error, the rank.
/// </summary>
/// <remarks>
/// Blob: "gram" packed float64; "sums" = [sum c, sum a^2]; "sample" float32 rows x d, the rows with
/// index mod ceil(n / 1024) = 0.
/// </remarks>
internal static class ScanStep
{
    private const int SampleRows = 1024;

    public static BlockResult Run(BlockTask task, IMatrixSource source, string blobName, StepContext context)
    {
        (TensorPlan plan, int d) = (task.Plan, task.Plan.Columns);
        BlockPartition partition = plan.Partition;
        long firstRow = partition.FirstRow(task.Address.Block);
        int count = partition.RowCount(task.Address.Block);
        float[] rows = StepData.ReadRows(task, source, 1);
        if (PowerSums.FirstNonFinite(rows) is var bad and >= 0)
            throw ClusterLpException.BadInput(string.Create(CultureInfo.InvariantCulture,
                $"tensor \"{plan.Name}\", row {firstRow + bad / d}, column {bad % d} (counted from 0): the entry is {rows[bad]}; every entry must be a finite float32 number."));

        double[] rowWeights = StepData.ReadRowWeights(task);
        double absolute = 0, power = 0, squares = 0, largest = 0, weightSum = 0;
        var sample = new List<float>();
        long stride = (plan.Rows + SampleRows - 1) / SampleRows;
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<float> row = rows.AsSpan(i * d, d);
            double square = PowerSums.Squares(row);
            absolute += PowerSums.AbsolutePower(row, 1);
            power += PowerSums.AbsolutePower(row, plan.P);
            squares += square;
            largest = Math.Max(largest, square);
            weightSum += rowWeights[i];
            if ((firstRow + i) % stride == 0)
                sample.AddRange(row);
        }
        double[] gram = StepData.PackedGram(rows, count, d, plan.RowWeights is null ? default : rowWeights, context, 0);
        BlobRef blob = StepData.Write(context, blobName, new ArrayBlob()
            .Add("gram", gram, gram.Length)
            .Add("sums", [weightSum, squares], 2)
            .Add("sample", [.. sample], sample.Count / d, d));
        var input = new InputChecksums(InputChecksums.Of<float>(rows), InputChecksums.Of<double>(rowWeights));
        return new BlockResult(blob, new ScanFigures(absolute, power, Math.Sqrt(largest), input));
    }

    public static FitState Reduce(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context)
    {
        int d = plan.Columns;
        double absolute = 0, power = 0, squares = 0, weightSum = 0;
        foreach (ScanFigures figures in results.Select(r => (ScanFigures)r.Figures))
        {
            absolute += figures.AbsoluteSum;
            power += figures.PowerSum;
        }
        var sampled = new List<float>();
        double[] gram = StepData.SumGrams(context, [.. results.Select(r => r.Blob)], d, blob =>
        {
            double[] sums = blob.Get<double>("sums");
            weightSum += sums[0];
            squares += sums[1];
            sampled.AddRange(blob.Get<float>("sample"));
        });
        double scale = ScaleFor(absolute / ((double)plan.Rows * d));
        float[] sample = [.. sampled];
        StepData.Multiply(sample, (float)scale);
        double[] matrix = PackedTriangle.Unpack(gram, d, scale * scale);
        (double[] values, float[] basis) = OrthonormalBasis.Eigenvectors(matrix, d);
        int rank = plan.Rank ?? TargetRank.Choose(plan, values, basis, sample, context);
        BlobRef svd = StepData.WriteBasis(context, $"{blobPrefix}/svd-basis", basis, d);
        state = state with
        {
            Rank = rank,
            Input = [.. results.Select(r => ((ScanFigures)r.Figures).Input)],
            Scale = scale,
            InputPowerSum = power,
            InputFrobenius = Math.Sqrt(squares),
            SvdBasis = svd,
            Superseded = [.. results.Select(r => r.Blob)],
        };
        // A matrix of zeros has one fit, and at p = 2 the SVD is the l_p optimum.
        if (plan.Method == Method.Svd || absolute == 0 || (plan.P == 2 && plan.Method == Method.Lp))
            return state with { Stage = new StageId(StageKind.Factorise, 0), Basis = svd };
        if (plan.Method == Method.Lp && (plan.Fit == Fit.Exact || plan.Rows < 20L * d))
            return state with
            {
                Stage = new StageId(StageKind.Refine, 0),
                Basis = svd,
                ResidualFloor = SampleFloor(new OrthonormalBasis(basis, d, rank), sample, context),
            };

        // Start weights d c_i / sum c make M a multiple of A^T C A.
        double factor = Math.Pow(d / weightSum, 1 - 2 / plan.P);
        BlobRef ellipsoid = LewisStep.WriteEllipsoid(context, $"{blobPrefix}/ellipsoid", Array.ConvertAll(matrix, v => v * factor), d);
        return state with { Stage = new StageId(StageKind.Lewis, 0), Ellipsoid = ellipsoid };
    }

    private static double SampleFloor(OrthonormalBasis basis, float[] sample, StepContext context)
    {
        var residuals = new double[sample.Length / basis.D];
        basis.SquaredResiduals(sample, residuals.Length, residuals, context.Cancellation);
        return SubspaceIrls.ResidualFloor(Array.ConvertAll(residuals, Math.Sqrt));
    }

    /// <summary>The power of two nearest 1 / mean|A| (in ratio), within float32's normal range; 1 for a matrix of zeros.</summary>
    private static double ScaleFor(double mean) => mean > 0 ? Math.ScaleB(1, (int)Math.Clamp(Math.Round(-Math.Log2(mean)), -126, 126)) : 1;
}
