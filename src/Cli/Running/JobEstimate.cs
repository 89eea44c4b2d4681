using ClusterLp.Core.Jobs;

namespace ClusterLp.Cli.Running;

/// <summary>What a job will take on the machine that scanned for it: rough figures, for people.</summary>
/// <param name="Seconds">
/// Wall time: each tensor's scan scaled by the arithmetic of all stages with typical numbers of rounds, and its reduction by the
/// matrices that are still to be decomposed.
/// </param>
/// <param name="MemoryBytes">Most memory of the process.</param>
/// <param name="ScratchBytes">Most disk space of the job directory.</param>
internal sealed record JobEstimate(double Seconds, double MemoryBytes, double ScratchBytes)
{
    private const double ProgramBytes = 250e6;

    /// <param name="plan">The job.</param>
    /// <param name="forecast">Its scan, on as many threads as the job will have.</param>
    /// <param name="threads">That number.</param>
    public static JobEstimate Of(JobPlan plan, JobForecast forecast, int threads)
    {
        double seconds = 0, blocks = 0, matrices = 0, models = 0, kept = 0, scans = 0;
        foreach (TensorPlan tensor in plan.Tensors)
        {
            TensorForecast known = forecast.Tensors[tensor.Index];
            if (known.Rank == RankAllotment.Whole)
            {
                seconds += forecast.ScanSeconds[tensor.Index] + forecast.ReduceSeconds[tensor.Index];
                continue;
            }
            (double scan, double all, int decompositions) = WorkEstimate.Of(tensor with { Rank = known.Rank, P = known.P, Fit = known.Coreset ? Fit.Coreset : tensor.Fit });
            seconds += forecast.ScanSeconds[tensor.Index] * all / scan + forecast.ReduceSeconds[tensor.Index] * decompositions;
            if (tensor.Method == Method.Krylov)
            {
                // A block of rows a thread, its product and X packed; the space, a product and what orthonormalises it.
                double vectors = sizeof(double) * (double)tensor.Columns * tensor.BlockVectors(known.Rank);
                blocks = Math.Max(blocks, 1.3 * sizeof(float) * tensor.BlockRows * tensor.Columns + 2 * vectors);
                matrices = Math.Max(matrices, vectors * ((tensor.Passes ?? 4) + 5));
                kept += known.BytesAfter + vectors * (tensor.Passes ?? 4);
                scans = Math.Max(scans, vectors * tensor.Partition.Count);
                continue;
            }
            double square = (double)tensor.Columns * tensor.Columns;
            // Three blocks a thread, some d x d sums, and the coreset of 10 d rows with what its fit makes of it.
            blocks = Math.Max(blocks, 3.0 * sizeof(float) * tensor.BlockRows * tensor.Columns);
            matrices = Math.Max(matrices, sizeof(double) * square * (6 + threads) + (known.Coreset ? 60 * sizeof(float) * square : 0));
            models = Math.Max(models, known.ModelBytes);
            kept += known.BytesAfter + 2 * sizeof(float) * square;
            scans = Math.Max(scans, sizeof(double) * square / 2 * tensor.Partition.Count);
        }
        return new JobEstimate(seconds, ProgramBytes + threads * blocks + matrices + models, kept + Math.Min(plan.Tensors.Length, 3) * scans);
    }
}
