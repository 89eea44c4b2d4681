using System.Collections.Immutable;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.LpFit;

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
    /// <summary>sum c_i ||a_i||^2, unscaled, of a scan without a Gram matrix.</summary>
    public double Squares { get; init; }

    /// <summary>The blocks' blobs, in order; empty where ranks were allotted since, and the blobs are gone.</summary>
    public ImmutableArray<BlobRef> Blocks { get; init; } = [];

    /// <summary>
    /// Keeps them until they are wanted: "sums" = [sum |a|, sum c], "sample" and "sample_weights", and "gram" packed float64 where it is
    /// asked for. Eigenvalues and eigenvectors lie beside the SVD's basis.
    /// </summary>
    public BlobRef Keep(string name, bool withGram, StepContext context)
    {
        ArrayBlob blob = new ArrayBlob()
            .Add("sums", [AbsoluteSum, WeightSum], 2)
            .Add("sample", Sample.Rows, Sample.Count, Sample.Columns)
            .Add("sample_weights", Sample.Weights, Sample.Count);
        if (withGram)
        {
            double[] packed = PackedTriangle.Pack(Gram!, Sample.Columns);
            blob.Add("gram", packed, packed.Length);
        }
        return StepData.Write(context, name, blob);
    }

    /// <summary>Reads what <see cref="Keep"/> kept.</summary>
    /// <param name="plan">The tensor's plan.</param>
    /// <param name="kept">Where.</param>
    /// <param name="svdBasis">The scan's basis and eigenvalues.</param>
    /// <param name="context">The blobs.</param>
    public static ScanFindings Read(TensorPlan plan, BlobRef kept, BlobRef svdBasis, StepContext context)
    {
        ArrayBlob blob = StepData.Read(context, kept), svd = StepData.Read(context, svdBasis);
        double[] sums = blob.Get<double>("sums");
        return new ScanFindings(sums[0], sums[1], blob.Names.Contains("gram") ? PackedTriangle.Unpack(blob.View<double>("gram"), plan.Columns) : null,
            svd.Get<double>("eigenvalues"), svd.Get<float>("basis"),
            new RowSample(blob.Get<float>("sample"), blob.Get<double>("sample_weights"), plan.Columns, plan.Rows));
    }
}
