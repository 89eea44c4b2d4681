using ClusterLp.Core.Coresets;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.Telemetry;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// The block's part of the coreset: rows drawn by Lewis weight and norm with GLOBAL sums. Blob: "rows" float32 count x d,
/// scaled; "weights" float64 count. Reads the drawn rows alone.
/// </summary>
internal static class CoresetStep
{
    /// <summary>Expected coreset rows for each column.</summary>
    public const int RowsPerColumn = 10;

    /// <summary>Far above what one kernel's sum of squares differs from another's, far below any change of a row.</summary>
    private const double NormTolerance = 1e-6;

    public static BlockResult Run(BlockTask task, IMatrixSource source, string blobName, StepContext context)
    {
        var parameters = (CoresetParameters)task.Parameters;
        int d = task.Plan.Columns;
        long firstRow = task.Plan.Partition.FirstRow(task.Address.Block);
        ArrayBlob lewis = StepData.Read(context, parameters.Weights);
        double[] weights = lewis.Get<double>("weights"), norms = lewis.Get<double>("norms"), rowWeights = StepData.ReadRowWeights(task, context);
        var probability = new SamplingProbability(parameters.WeightSum, parameters.NormSum);
        var drawn = new List<(int Row, double Weight)>();
        for (int i = 0; i < weights.Length; i++)
        {
            double expected = parameters.SampleSize * probability.Of(weights[i], rowWeights[i] * norms[i]);
            int copies = RowSampler.Copies(expected, task.Plan.Seed, task.Plan.Index, firstRow + i);
            if (copies > 0)
                drawn.Add((i, rowWeights[i] * copies / expected));
        }
        var rows = new float[drawn.Count * d];
        for (int j = 0; j < drawn.Count; j++)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            source.ReadRows(firstRow + drawn[j].Row, 1, rows.AsSpan(j * d, d));
        }
        Instruments.InputRead((long)rows.Length * sizeof(float));
        StepData.Multiply(rows, (float)parameters.Scale);
        if (MetricStep.Read(task, context) is { } metric)
            MetricStep.Apply(metric.Root, rows, context.Cancellation);
        // The block is not read whole, so its checksum cannot be compared; the drawn rows' norms can.
        for (int j = 0; j < drawn.Count; j++)
            if (!(Math.Abs(Math.Sqrt(PowerSums.Squares(rows.AsSpan(j * d, d))) - norms[drawn[j].Row]) <= NormTolerance * norms[drawn[j].Row]))
                throw StepData.Changed(task, task.Plan.Input);
        BlobRef blob = StepData.Write(context, blobName, new ArrayBlob()
            .Add("rows", rows, drawn.Count, d).Add("weights", [.. drawn.Select(row => row.Weight)], drawn.Count));
        return new BlockResult(blob, new CoresetFigures(drawn.Count));
    }
}
