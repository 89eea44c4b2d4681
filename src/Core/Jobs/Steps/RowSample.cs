using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>The scan's row sample: every s-th row of the whole matrix, in row order.</summary>
/// <param name="Rows">count x d row-major float32, scaled.</param>
/// <param name="Weights">Their row weights c, count.</param>
/// <param name="Columns">d.</param>
/// <param name="All">n, rows of the matrix.</param>
internal sealed record RowSample(float[] Rows, double[] Weights, int Columns, long All)
{
    public int Count => Weights.Length;

    /// <summary>Whether it is the whole matrix.</summary>
    public bool IsAll => Count == All;

    /// <summary>Rows of the matrix from one sampled row to the next, at most <paramref name="most"/> being sampled.</summary>
    public static long Stride(long rows, int most) => (rows + most - 1) / most;

    /// <summary>The sampled row's place in the matrix.</summary>
    public long PlaceOf(int sampled) => sampled * Stride(All, ScanStep.SampleRows);

    /// <summary>eps of the IRLS weights, from the sampled rows' residuals.</summary>
    public double ResidualFloor(OrthonormalBasis basis, StepContext context)
    {
        var residuals = new double[Count];
        basis.SquaredResiduals(Rows, Count, residuals, context.Cancellation);
        return SubspaceIrls.ResidualFloor(Array.ConvertAll(residuals, Math.Sqrt), Weights);
    }
}
