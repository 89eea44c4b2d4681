using ClusterLp.Core.Formats;
using ClusterLp.Core.LinearAlgebra;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.Evaluation;

/// <summary>
/// The SVD that stands beside a layer: the one its job measured itself against, with the job's row weights and column metric
/// where their files are still there, the plain one otherwise.
/// </summary>
internal sealed class Baseline
{
    private readonly string? _weights, _metric;

    public Baseline(string? weights, string? metric)
    {
        (_weights, _metric) = (weights, metric);
        Name = (weights, metric) switch
        {
            (null, null) => "plain",
            (_, null) => "row-weighted",
            (null, _) => "in the column metric",
            _ => "row-weighted, in the column metric",
        };
    }

    /// <summary>Which one it is.</summary>
    public string Name { get; }

    /// <summary>P (d x d row-major), A P being the SVD cut at rank k. O(n d^2 + d^3).</summary>
    public double[] Projection(IMatrixSource a, int k, CancellationToken cancellation)
    {
        (int d, int threads) = (a.Columns, Environment.ProcessorCount);
        MetricRoot? root = _metric is null ? null : MetricRoot.Of(ColumnMetric.Read(_metric, d), _metric, threads, cancellation);
        double[] projection = SvdProjection.Of(a, k, _weights, root, cancellation).Projection;
        if (root is null)
            return projection;
        double[] left = MatrixProduct.Of(root.Root, projection, d, d, d, threads, cancellation);
        return MatrixProduct.Of(left, root.Inverse, d, d, d, threads, cancellation);
    }
}
