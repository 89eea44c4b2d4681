using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// A block's scan from its stored entries: the blob and the figures of <see cref="ScanStep"/>, in time of the entries' number and of
/// the sum of the squares of the rows' lengths. The last bits differ from those of the same matrix stored densely.
/// </summary>
internal static class SparseScan
{
    private const int Tile = 512;

    public static BlockResult Run(BlockTask task, ISparseSource source, string blobName, StepContext context)
    {
        (TensorPlan plan, int d) = (task.Plan, task.Plan.Columns);
        long firstRow = plan.Partition.FirstRow(task.Address.Block);
        SparseRows rows = StepData.ReadSparse(task, source, 1);
        EnsureFinite(plan, firstRow, rows);
        double[] rowWeights = StepData.ReadRowWeights(task, context);
        double absolute = 0, largest = 0, weightSum = 0;
        var sample = new List<float>();
        var sampleWeights = new List<double>();
        var dense = new float[d];
        using (KernelClock.Measure(KernelKind.Elementwise))
            for (int i = 0; i < rows.Count; i++)
            {
                ReadOnlySpan<float> values = rows.ValuesOf(i);
                absolute += PowerSums.AbsolutePower(values, 1);
                largest = Math.Max(largest, PowerSums.Squares(values));
                weightSum += rowWeights[i];
                if (!ScanStep.InSample(plan, firstRow + i))
                    continue;
                dense.AsSpan().Clear();
                ReadOnlySpan<int> columns = rows.ColumnsOf(i);
                for (int e = 0; e < columns.Length; e++)
                    dense[columns[e]] = values[e];
                sample.AddRange(dense);
                sampleWeights.Add(rowWeights[i]);
            }
        var input = new InputChecksums(InputChecksums.Of(rows), InputChecksums.Of<double>(rowWeights));
        ReadOnlyMemory<double> gram = Gram(rows, d, plan.RowWeights is null ? default : rowWeights, context);
        ArrayBlob blob = ScanStep.Arrays(d, gram, weightSum, sample, sampleWeights);
        if (Models.Of(plan).ReadsScannedRows)
        {
            Span<float> full = StepData.Room(rows.Count, d);
            rows.WriteTo(full, d);
            Models.Of(plan).AddToScan(task, full, rowWeights, blob, context);
        }
        if (SketchedEllipsoid.BeginsInScan(plan))
            SketchedEllipsoid.Add(task, rows, plan.RowWeights is null ? default : rowWeights, blob);
        return new BlockResult(StepData.Write(context, blobName, blob), new ScanFigures(absolute, Math.Sqrt(largest), input));
    }

    /// <exception cref="ClusterLpException">An entry is not (exit 65).</exception>
    public static void EnsureFinite(TensorPlan plan, long firstRow, SparseRows rows)
    {
        if (PowerSums.FirstNonFinite(rows.Values) is not (var bad and >= 0))
            return;
        int row = rows.Starts.BinarySearch(bad);
        // Of rows that begin there, the last is the one with entries.
        row = row < 0 ? ~row - 1 : row;
        while (rows.Starts[row + 1] <= bad)
            row++;
        throw ScanStep.NotFinite(plan, firstRow + row, rows.Columns[bad], rows.Values[bad]);
    }

    /// <summary>sum_i w_i a_i a_i^T as a packed triangle, from the entries or from full rows, whichever is faster by count.</summary>
    public static ReadOnlyMemory<double> Gram(SparseRows rows, int d, ReadOnlySpan<double> weights, StepContext context)
    {
        if (!SparseGram.IsFaster(rows, d))
        {
            Span<float> dense = StepData.Room(rows.Count, d);
            rows.WriteTo(dense, d);
            return StepData.PackedGram(dense, rows.Count, d, weights, context, 0);
        }
        Memory<double> gram = StepData.EmptyGram(d);
        for (int first = 0; first < rows.Count; first += Tile)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Progress?.Invoke((double)first / rows.Count);
            SparseGram.AccumulateUpper(rows, first, Math.Min(Tile, rows.Count - first), d, weights, gram.Span);
        }
        return StepData.Packed(gram, d);
    }
}
