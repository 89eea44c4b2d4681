using System.Globalization;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// Scan: every entry is checked, then A^T C A (unscaled), the sums of DESIGN 2.2 step 1, and a fixed row sample.
/// Its reduction gives the scale, the SVD baseline and, where they are asked for, p and the rank that meets a target error.
/// </summary>
/// <remarks>
/// Blob: "gram" packed float64; "sums" = [sum c]; "sample" float32 rows x d, the rows with index mod ceil(n / 1024) = 0, and
/// "sample_weights" float64, their c.
/// </remarks>
internal static class ScanStep
{
    /// <summary>Most rows of the sample.</summary>
    internal const int SampleRows = 1024;

    public static BlockResult Run(BlockTask task, IMatrixSource source, string blobName, StepContext context)
    {
        if (!Models.Of(task.Plan).ScansGram)
            return WideScan.Run(task, source, blobName, context);
        if (source is ISparseSource sparse)
            return SparseScan.Run(task, sparse, blobName, context);
        (TensorPlan plan, int d) = (task.Plan, task.Plan.Columns);
        BlockPartition partition = plan.Partition;
        long firstRow = partition.FirstRow(task.Address.Block);
        int count = partition.RowCount(task.Address.Block);
        Span<float> rows = StepData.ReadInput(task, source, 1);
        EnsureFinite(plan, firstRow, rows);
        double[] rowWeights = StepData.ReadRowWeights(task, context);
        double absolute = 0, largest = 0, weightSum = 0;
        var sample = new List<float>();
        var sampleWeights = new List<double>();
        using (KernelClock.Measure(KernelKind.Elementwise))
            for (int i = 0; i < count; i++)
            {
                ReadOnlySpan<float> row = rows.Slice(i * d, d);
                absolute += PowerSums.AbsolutePower(row, 1);
                largest = Math.Max(largest, PowerSums.Squares(row));
                weightSum += rowWeights[i];
                if (!InSample(plan, firstRow + i))
                    continue;
                sample.AddRange(row);
                sampleWeights.Add(rowWeights[i]);
            }
        ReadOnlyMemory<double> gram = StepData.PackedGram(rows, count, d, plan.RowWeights is null ? default : rowWeights, context, 0);
        ArrayBlob blob = Arrays(d, gram, weightSum, sample, sampleWeights);
        Models.Of(plan).AddToScan(task, rows, rowWeights, blob, context);
        if (SketchedEllipsoid.BeginsInScan(plan))
            SketchedEllipsoid.Add(task, rows, plan.RowWeights is null ? default : rowWeights, blob);
        var input = new InputChecksums(InputChecksums.Of<float>(rows), InputChecksums.Of<double>(rowWeights));
        return new BlockResult(StepData.Write(context, blobName, blob), new ScanFigures(absolute, Math.Sqrt(largest), input));
    }

    /// <exception cref="ClusterLpException">An entry is not (exit 65).</exception>
    public static void EnsureFinite(TensorPlan plan, long firstRow, ReadOnlySpan<float> rows)
    {
        using var clock = KernelClock.Measure(KernelKind.Elementwise);
        if (PowerSums.FirstNonFinite(rows) is var bad and >= 0)
            throw NotFinite(plan, firstRow + bad / plan.Columns, (int)(bad % plan.Columns), rows[(int)bad]);
    }

    /// <summary>Whether a row belongs to the row sample.</summary>
    public static bool InSample(TensorPlan plan, long row) => row % RowSample.Stride(plan.Rows, SampleRows) == 0;

    /// <summary>What every block's blob holds.</summary>
    public static ArrayBlob Arrays(int d, ReadOnlyMemory<double> gram, double weightSum, List<float> sample, List<double> sampleWeights) => new ArrayBlob()
        .Add("gram", gram, gram.Length)
        .Add("sums", [weightSum], 1)
        .Add("sample", [.. sample], sample.Count / d, d)
        .Add("sample_weights", [.. sampleWeights], sampleWeights.Count);

    /// <summary>An entry of the matrix as it is fitted cannot be.</summary>
    public static ClusterLpException NotFinite(TensorPlan plan, long row, int column, float entry) =>
        ClusterLpException.BadInput(string.Create(CultureInfo.InvariantCulture,
            $"tensor \"{plan.Name}\", {(plan.Transposed ? $"row {column}, column {row}" : $"row {row}, column {column}")} (counted from 0): the entry is {entry}; every entry must be a finite float32 number."));

    /// <summary>What a reduction reads of the blobs beside their Grams.</summary>
    public static IReadOnlyList<string> Collected { get; } = ["sums", "sample", "sample_weights"];

    public static FitState Reduce(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context)
    {
        if (!Models.Of(plan).ScansGram)
            return WideScan.Reduce(plan, state, results, blobPrefix, context);
        int d = plan.Columns;
        double absolute = results.Sum(r => ((ScanFigures)r.Figures).AbsoluteSum);
        GramSum sum = StepData.SumGrams(context, [.. results.Select(r => r.Blob)], d, Collected);
        double weightSum = sum.All<double>("sums").Sum();
        double scale = ScaleFor(absolute / ((double)plan.Rows * d));
        var sample = new RowSample(sum.All<float>("sample"), sum.All<double>("sample_weights"), d, plan.Rows);
        StepData.Multiply(sample.Rows, (float)scale);
        double[] matrix = PackedTriangle.Unpack(sum.Packed, d, scale * scale);
        double[]? sketched = SketchedEllipsoid.BeginsInScan(plan)
            ? Array.ConvertAll(SketchedEllipsoid.Sum(plan, [.. results.Select(r => r.Blob)], context), value => scale * scale * value) : null;
        if (plan.ColumnMetric is not null)
        {
            (MetricRoot root, state) = MetricStep.Begin(plan, matrix, state with { Scale = scale }, blobPrefix, context);
            matrix = root.Transform(matrix, d, context.Threads, context.Cancellation);
            sketched = sketched is null ? null : root.Transform(sketched, d, context.Threads, context.Cancellation);
            MetricStep.Apply(PackedMatrix<float>.FromRows(Array.ConvertAll(root.Root, x => (float)x), d, d), sample.Rows, context.Cancellation);
        }
        (double[] values, float[] basis) = OrthonormalBasis.Eigenvectors(matrix, d);
        state = state with
        {
            Input = [.. results.Select(r => ((ScanFigures)r.Figures).Input)],
            Scale = scale,
            SvdBasis = StepData.WriteBasis(context, $"{blobPrefix}/svd-basis", basis, d, values),
            Superseded = [.. results.Select(r => r.Blob)],
        };
        var findings = new ScanFindings(absolute, weightSum, sketched ?? matrix, values, basis, sample) { Blocks = state.Superseded };
        return plan.SharedBudget is null
            ? Begin(plan, state, findings, plan.Rank, blobPrefix, context)
            : AllotStep.Await(plan, state, findings, blobPrefix, context);
    }

    /// <summary>A scanned tensor at the first stage of its fit: with p chosen, and the rank where a target error asks for one.</summary>
    /// <param name="plan">Its plan.</param>
    /// <param name="state">With scale and baseline.</param>
    /// <param name="scan">What the scan found.</param>
    /// <param name="known">k; null: a target error decides.</param>
    /// <param name="blobPrefix">Names what is written.</param>
    /// <param name="context">Blobs and threads.</param>
    public static FitState Begin(TensorPlan plan, FitState state, ScanFindings scan, int? known, string blobPrefix, StepContext context)
    {
        if (plan.AutoP)
        {
            state = state with { Power = PowerStep.Choose(scan.Sample, scan.Basis, known ?? TargetRank.OfGram(scan.Eigenvalues, plan.TargetError!.Value), context) };
            plan = plan.Settled(state);
        }
        RankSearch? search = known is null ? Models.Of(plan).ChooseRank(plan, scan, context) : null;
        state = state with { Rank = known ?? search!.Tries[0].Rank, Search = search };
        return Models.Of(plan).Begin(plan, state, scan, blobPrefix, context);
    }

    /// <summary>The power of two nearest 1 / mean|A| (in ratio), within float32's normal range; 1 for a matrix of zeros.</summary>
    internal static double ScaleFor(double mean) => mean > 0 ? Math.ScaleB(1, (int)Math.Clamp(Math.Round(-Math.Log2(mean)), -126, 126)) : 1;
}
