using ClusterLp.Core.Kernels;
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

    /// <summary>
    /// (sum c r^2)^2 / (sum c sum c r^4), r a sampled row's norm: the share of the rows that carry the norm, 1 where all rows are
    /// as long, and where all but a share are zero and those as long, that share; 1 for rows of zeros.
    /// </summary>
    public double CarryingShare()
    {
        double ones = 0, squares = 0, fourths = 0;
        for (int i = 0; i < Count; i++)
        {
            double square = PowerSums.Squares(Rows.AsSpan(i * Columns, Columns));
            ones += Weights[i];
            squares += Weights[i] * square;
            fourths += Weights[i] * square * square;
        }
        return fourths > 0 ? squares / ones * (squares / fourths) : 1;
    }

    /// <summary>eps of the IRLS weights, from the sampled rows' residuals.</summary>
    public double ResidualFloor(OrthonormalBasis basis, StepContext context)
    {
        var residuals = new double[Count];
        basis.SquaredResiduals(Rows, Count, residuals, context.Cancellation);
        return SubspaceIrls.ResidualFloor(Array.ConvertAll(residuals, Math.Sqrt), Weights);
    }
}
