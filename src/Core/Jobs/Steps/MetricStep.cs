using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// The column metric in the pipeline: after the scan every stage sees A S in the place of A, S = H^(1/2); before the rows are
/// factorised the basis V' of A S is taken back to V = V' S^+.
/// </summary>
/// <remarks>
/// The scan's reduction alone reads the file; the workers read S as a blob, float32: A S is kept as float32 anyway, and the
/// product's rounding is of the same size.
/// </remarks>
internal static class MetricStep
{
    /// <summary>
    /// Reads the metric and writes "root" float32 d x d and "unit" (what errors in it are multiplied by), for the workers; and
    /// "inverse" float64 d x d with "plain_tail" float64 d: the Frobenius error in the metric, in scaled units, of the SVD of A
    /// itself at every rank.
    /// </summary>
    /// <param name="plan">With a column metric.</param>
    /// <param name="gram">A^T C A, d x d, scaled.</param>
    /// <param name="state">Receives the blobs.</param>
    /// <param name="blobPrefix">Names them.</param>
    /// <param name="context">Blobs and threads.</param>
    /// <exception cref="ClusterLpException">As <see cref="ColumnMetric.Read"/> and <see cref="MetricRoot.Of"/>.</exception>
    public static (MetricRoot Root, FitState State) Begin(TensorPlan plan, double[] gram, FitState state, string blobPrefix, StepContext context)
    {
        int d = plan.Columns;
        ColumnMetric metric = ColumnMetric.Read(plan.ColumnMetric!, d);
        MetricRoot root = MetricRoot.Of(metric, plan.ColumnMetric!, context.Threads, context.Cancellation);
        // (I - P) G (I - P) = sum over j >= k of lambda_j q_j q_j^T, and S turns each q_j into one of length |S q_j|.
        (double[] values, double[] vectors) = Factorisations.SymmetricEigen(gram, d);
        double[] turned = MatrixProduct.Of(vectors, root.Root, d, d, d, context.Threads, context.Cancellation);
        var tail = new double[d];
        double sum = 0;
        for (int j = d - 1; j >= 0; j--)
        {
            double length = 0;
            foreach (double x in turned.AsSpan(j * d, d))
                length += x * x;
            sum += Math.Max(values[j], 0) * length;
            tail[j] = Math.Sqrt(sum);
        }
        return (root, state with
        {
            Metric = StepData.Write(context, $"{blobPrefix}/metric", new ArrayBlob()
                .Add("root", Array.ConvertAll(root.Root, x => (float)x), d, d).Add("unit", [root.Unit], 1)),
            MetricInverse = StepData.Write(context, $"{blobPrefix}/metric-inverse", new ArrayBlob()
                .Add("inverse", root.Inverse, d, d).Add("plain_tail", tail, d)),
            MetricFile = new MetricFile(metric.Sha256, root.Rank, root.Unit),
        });
    }

    /// <summary>Rows of A (count x d) turned into rows of A S, in place. O(count d^2).</summary>
    public static void Apply(PackedMatrix<float> root, Span<float> rows, CancellationToken cancellation)
    {
        const int tile = 256;
        int d = root.Columns;
        var copy = new float[tile * d];
        for (int first = 0; first < rows.Length; first += tile * d)
        {
            cancellation.ThrowIfCancellationRequested();
            Span<float> part = rows.Slice(first, Math.Min(tile * d, rows.Length - first));
            part.CopyTo(copy);
            Gemm.Multiply(copy, d, part.Length / d, root, part, d);
        }
    }

    /// <summary>S / unit packed for <see cref="Apply"/>, and the unit; null where the task has no metric.</summary>
    public static (PackedMatrix<float> Root, double Unit)? Read(BlockTask task, StepContext context)
    {
        if (task.Metric is null)
            return null;
        ArrayBlob blob = StepData.Read(context, task.Metric);
        int d = task.Plan.Columns;
        return (PackedMatrix<float>.FromRows(blob.View<float>("root"), d, d), blob.View<double>("unit")[0]);
    }

    /// <summary>
    /// A fit that is about to factorise, with V = V' S^+ ("basis", k x d float32) and the SVD's ("svd", likewise); unchanged
    /// without a metric.
    /// </summary>
    public static FitState TakeBack(TensorPlan plan, FitState state, string blobPrefix, StepContext context)
    {
        if (state.MetricInverse is null)
            return state;
        (int d, int k) = (plan.Columns, state.Rank);
        ArrayBlob inverse = StepData.Read(context, state.MetricInverse);
        double[] matrix = inverse.Get<double>("inverse");
        BlobRef factors = StepData.Write(context, $"{blobPrefix}/factors", new ArrayBlob()
            .Add("basis", Original(state.Basis!), k, d).Add("svd", Original(state.SvdBasis!), k, d));
        return state with
        {
            Factors = factors,
            PlainSvdInMetric = plan.RowWeights is null ? (k < d ? inverse.View<double>("plain_tail")[k] : 0) / state.Scale * state.MetricFile!.Unit : null,
            Superseded = state.Factors is { } before ? [.. state.Superseded, before] : state.Superseded,
        };

        float[] Original(BlobRef basis)
        {
            double[] turned = Array.ConvertAll(StepData.Read(context, basis).View<float>("basis")[..(k * d)].ToArray(), x => (double)x);
            return Array.ConvertAll(MatrixProduct.Of(turned, matrix, k, d, d, context.Threads, context.Cancellation), x => (float)x);
        }
    }
}
