using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Sketches;

namespace ClusterLp.Core.FactorModels;

/// <summary>
/// A = U V, U n x k and V k x d: methods <c>lp</c>, <c>lewis</c> and <c>svd</c>. Its stages between scan and factorise are kinds of
/// their own (<see cref="StageKind"/>), with the steps of DESIGN 2.
/// </summary>
internal sealed class LowRankModel : IFactorModel
{
    public string Name => "low-rank";

    public bool IsProduct => true;

    public bool StoresRowsAlone => true;

    public bool AllowsTranspose => true;

    public string? Conflict(JobSpec spec) => null;

    public long StoredBytes(TensorPlan plan, int rank) => checked((plan.Rows + plan.Columns) * rank * plan.FactorType.Size());

    /// <summary>With sparse embeddings each thread's sketch, their sum with what its product needs, and the blocks' that are read at once.</summary>
    public double WorkingBytes(TensorPlan plan, int threads) => !SketchedEllipsoid.BeginsInScan(plan) ? 0
        : new SparseEmbedding(plan.Columns, plan.Seed, plan.Index).Length * (sizeof(double) * (threads + 3.0) + sizeof(float) * 2.0 * threads);

    public IEnumerable<string> StoredNames(FactorNames names) => [names.U, names.V];

    public FitState Begin(TensorPlan plan, FitState state, ScanFindings scan, string blobPrefix, StepContext context)
    {
        int d = plan.Columns;
        // A matrix of zeros has one fit, and at p = 2 the SVD is the l_p optimum.
        if (plan.Method == Method.Svd || scan.AbsoluteSum == 0 || (plan.P == 2 && plan.Method == Method.Lp))
            return state with { Stage = new StageId(StageKind.Factorise, 0), Basis = state.Basis ?? state.SvdBasis };
        if (!BeginsWithLewis(plan, scan.Sample))
            return state with
            {
                Stage = new StageId(StageKind.Refine, 0),
                Basis = state.Basis ?? state.SvdBasis,
                ResidualFloor = scan.Sample.ResidualFloor(new OrthonormalBasis(scan.Basis, d, state.Rank), context),
            };

        // Start weights d c_i / sum c make M a multiple of A^T C A.
        double factor = Math.Pow(d / scan.WeightSum, 1 - 2 / plan.P);
        BlobRef ellipsoid = LewisStep.WriteEllipsoid(context, $"{blobPrefix}/ellipsoid", Array.ConvertAll(scan.Gram!, v => v * factor), d);
        return state with { Stage = new StageId(StageKind.Lewis, 0), Ellipsoid = ellipsoid };
    }

    /// <summary>
    /// Below this share of rows that carry the norm, V of the SVD is held to be bent. In no trained embedding measured was it below
    /// 0.2, where half of the norm's square lay in a hundredth of the rows it was 0.02 or less (docs/fits.md).
    /// </summary>
    private const double LeastCarryingShare = 0.05;

    /// <summary>Whether the fit needs the scan's Gram matrix for a Lewis round, as far as that can be told before the scan is reduced.</summary>
    public static bool MayBeginWithLewis(TensorPlan plan) => plan.Method == Method.Lewis
        || plan.AllowsCoreset && (plan.AutoP || plan.P < 2);

    /// <summary>The same once it is.</summary>
    public static bool BeginsWithLewis(TensorPlan plan, RowSample sample) => MayBeginWithLewis(plan)
        && (plan.Method == Method.Lewis || plan.AsksForCoreset || sample.CarryingShare() < LeastCarryingShare);

    public IBlockEncoder Encoder(BlockTask task, StepContext context) => new LowRankEncoder(task, context);

    public FitState Encoded(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, StepContext context)
    {
        if (state.ColumnFit is not { } drawn)
            return state;
        double[][] figures = [.. results.Select(r => ((FactoriseFigures)r.Figures).Model.ToArray())];
        return state with
        {
            ColumnFit = new ColumnFit(drawn.Drawn, (long)figures.Sum(f => f[0]), figures.Sum(f => f[1]), figures.Sum(f => f[2]), (long)figures.Sum(f => f[3])),
        };
    }

    public TensorReport Describe(TensorReport report, TensorPlan plan, FitState fit)
    {
        if (fit.ColumnFit is not { } sampled)
            return report;
        (int k, double epsilon) = (fit.Rank, plan.P == 1 ? Math.Sqrt(fit.Rank / (double)plan.ActiveColumns!.Value) : fit.Rank / (double)plan.ActiveColumns!.Value);
        return report with
        {
            // What the sample's certificate says of all columns is nothing.
            LargestGap = null,
            SumGap = null,
            ActiveColumns = new ActiveColumnsReport(plan.ActiveColumns.Value, sampled.Drawn, sampled.Compared,
                sampled.All > 0 ? Math.Pow(sampled.Ours / sampled.All, 1 / plan.P) : 1, sampled.Projected, epsilon,
                (long)Math.Ceiling(k / (plan.P == 1 ? 0.01 * 0.01 : 0.01) - 1e-6)),
        };
    }

    public StoredModel Stored(TensorPlan plan, FitState fit, IBlobStore blobs) => new StoredFactors(plan, fit, blobs);

    public IRowDecoder Decoder(IModel output, FactorNames names, TensorReport report, bool transposed)
    {
        IMatrixSource first = output.OpenMatrix(names.U), second = names.OpenTransposedV(output);
        (IMatrixSource u, IMatrixSource v) = transposed ? (second, first) : (first, second);
        using (v)
        {
            (long n, int d, int k) = transposed ? (report.Columns, checked((int)report.Rows), u.Columns) : (report.Rows, report.Columns, u.Columns);
            if (u.Rows != n || v.Rows != d || v.Columns != k)
            {
                u.Dispose();
                throw ClusterLpException.BadInput($"{output.Path}: the factors of \"{report.Name}\" are {u.Rows} x {k} and {v.Rows} x {v.Columns}; expected {n} x k and {d} x k.");
            }
            var columns = new float[d * k];
            v.ReadRows(0, d, columns);
            var right = new double[k * d];
            for (int t = 0; t < k; t++)
                for (int j = 0; j < d; j++)
                    right[t * d + j] = columns[j * k + t];
            return new ProductDecoder(u, right, d);
        }
    }
}
