using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// The scan for models that read no Gram matrix (<see cref="IFactorModel.ScansGram"/>): every entry is checked, and sums are taken.
/// Memory of a block's rows and of what the model adds (<see cref="IFactorModel.AddToScan(BlockTask, ReadOnlySpan{float}, ReadOnlySpan{double}, ArrayBlob, StepContext)"/>).
/// </summary>
/// <remarks>
/// Blob: "sums" = [sum c, sum c ||a||^2], unscaled, then the model's own arrays: a part of each block, which <see cref="IFactorModel.Begin"/>
/// merges in block order.
/// </remarks>
internal static class WideScan
{
    public static BlockResult Run(BlockTask task, IMatrixSource source, string blobName, StepContext context)
    {
        TensorPlan plan = task.Plan;
        (int d, long firstRow) = (plan.Columns, plan.Partition.FirstRow(task.Address.Block));
        double[] c = StepData.ReadRowWeights(task, context);
        var sums = new RowSums();
        var blob = new ArrayBlob();
        ulong checksum;
        if (source is ISparseSource sparse)
        {
            SparseRows rows = StepData.ReadSparse(task, sparse, 1);
            SparseScan.EnsureFinite(plan, firstRow, rows);
            using (KernelClock.Measure(KernelKind.Elementwise))
                for (int i = 0; i < rows.Count; i++)
                    sums.Add(rows.ValuesOf(i), c[i]);
            checksum = InputChecksums.Of(rows);
            Models.Of(plan).AddToScan(task, rows, c, sums.AddTo(blob), context);
        }
        else
        {
            Span<float> rows = StepData.ReadInput(task, source, 1);
            ScanStep.EnsureFinite(plan, firstRow, rows);
            using (KernelClock.Measure(KernelKind.Elementwise))
                for (int i = 0; i < c.Length; i++)
                    sums.Add(rows.Slice(i * d, d), c[i]);
            checksum = InputChecksums.Of<float>(rows);
            Models.Of(plan).AddToScan(task, rows, c, sums.AddTo(blob), context);
        }
        var input = new InputChecksums(checksum, InputChecksums.Of<double>(c));
        return new BlockResult(StepData.Write(context, blobName, blob), new ScanFigures(sums.Absolute, Math.Sqrt(sums.Largest), input));
    }

    public static FitState Reduce(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context)
    {
        BlobRef[] blobs = [.. results.Select(result => result.Blob)];
        double absolute = results.Sum(result => ((ScanFigures)result.Figures).AbsoluteSum), weights = 0, squares = 0;
        StepData.ReadInOrder(context, blobs, blob =>
        {
            ReadOnlySpan<double> sums = blob.View<double>("sums");
            (weights, squares) = (weights + sums[0], squares + sums[1]);
        });
        state = state with
        {
            Input = [.. results.Select(result => ((ScanFigures)result.Figures).Input)],
            Scale = ScanStep.ScaleFor(absolute / ((double)plan.Rows * plan.Columns)),
            Superseded = [.. blobs],
        };
        var findings = new ScanFindings(absolute, weights, null, [], [], new RowSample([], [], plan.Columns, plan.Rows)) { Blocks = [.. blobs], Squares = squares };
        return ScanStep.Begin(plan, state, findings, plan.Rank, blobPrefix, context);
    }

    private sealed class RowSums
    {
        private double _weights, _squares;

        public double Absolute { get; private set; }

        public double Largest { get; private set; }

        public void Add(ReadOnlySpan<float> row, double weight)
        {
            double square = PowerSums.Squares(row);
            Absolute += PowerSums.AbsolutePower(row, 1);
            Largest = Math.Max(Largest, square);
            _weights += weight;
            _squares += weight * square;
        }

        public ArrayBlob AddTo(ArrayBlob blob) => blob.Add("sums", [_weights, _squares], 2);
    }
}
