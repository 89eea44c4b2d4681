using System.Collections.Immutable;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>What a scan's reduction found, from which the fit begins once its rank is known.</summary>
/// <param name="AbsoluteSum">sum |a_ij|, unscaled.</param>
/// <param name="WeightSum">sum c_i.</param>
/// <param name="Gram">A^T C A, d x d, scaled, in the column metric where there is one; null where no later step reads it. With a sparse
/// embedding, its sketch (<see cref="SketchedEllipsoid"/>), by which the first Lewis weights are found.</param>
/// <param name="Eigenvalues">Its eigenvalues, descending.</param>
/// <param name="Basis">Its eigenvectors, d x d float32.</param>
/// <param name="Sample">The row sample, scaled, in the column metric where there is one.</param>
internal sealed record ScanFindings(
    double AbsoluteSum, double WeightSum, double[]? Gram, double[] Eigenvalues, float[] Basis, RowSample Sample)
{
    /// <summary>The blocks' blobs, in order; empty where ranks were allotted since, and the blobs are gone.</summary>
    public ImmutableArray<BlobRef> Blocks { get; init; } = [];
}
