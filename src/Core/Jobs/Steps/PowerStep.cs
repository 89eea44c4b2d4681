using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// p from the data (DESIGN 2.6): the shape of a generalised Gaussian fitted to what the SVD of the same rank leaves of the
/// scan's row sample.
/// </summary>
internal static class PowerStep
{
    /// <summary>O(rows d (k + 40)); the result does not depend on the number of threads.</summary>
    /// <param name="sample">The scan's row sample.</param>
    /// <param name="basis">Eigenvectors of the (row-weighted) Gram matrix, d x d.</param>
    /// <param name="rank">k of the SVD whose residual is looked at.</param>
    /// <param name="context">Threads and cancellation.</param>
    public static PowerChoice Choose(RowSample sample, float[] basis, int rank, StepContext context)
    {
        const int part = 64;
        int d = sample.Columns;
        var residual = new float[sample.Rows.Length];
        var projection = new OrthonormalBasis(basis, d, rank);
        FixedPartition.For((sample.Count + part - 1) / part, context.Threads, context.Cancellation, index =>
        {
            int first = index * part, height = Math.Min(part, sample.Count - first);
            projection.ProjectionResidual(sample.Rows.AsSpan(first * d, height * d), height, residual.AsSpan(first * d, height * d));
        });
        double p = Math.Round(GeneralisedGaussian.Shape(residual, d, sample.Weights), 2);
        return new PowerChoice(p, GeneralisedGaussian.TailIndex(residual, d, sample.Weights), sample.Count, rank);
    }
}
