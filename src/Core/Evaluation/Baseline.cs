using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
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
    /// <summary>The name of the SVD of A itself.</summary>
    public const string Plain = "plain";

    /// <summary>Of a layer too wide for another: what is stored, the same beside itself.</summary>
    public const string Own = "its own";

    private readonly string? _weights, _metric;

    /// <summary>The one of a job.</summary>
    /// <param name="spec">What the job was asked for.</param>
    /// <param name="weights">Where its row weights lie now; null: where they lay, if they still do.</param>
    public static Baseline Of(JobSpec spec, string? weights) => new(
        spec.RowWeights is null ? null : weights ?? (Storage.StoredFiles.Exists(spec.RowWeights) ? spec.RowWeights : null),
        spec.ColumnMetric is { } metric && Storage.StoredFiles.Exists(metric) ? metric : null);

    private Baseline(string? weights, string? metric)
    {
        (_weights, _metric) = (weights, metric);
        Name = (weights, metric) switch
        {
            (null, null) => Plain,
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
