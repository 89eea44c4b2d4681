using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.FactorModels.Krylov;

/// <summary>
/// A = U V of the SVD's error, up to the convergence of a block Krylov iteration (<see cref="KrylovSpace"/>), for matrices of so many
/// columns that a d x d Gram matrix is too dear: nothing d x d is formed. The scan is the first pass, every round
/// (<see cref="KrylovRound"/>) one more. V are the k leading right singular vectors found, U = A V^T; stored as
/// <see cref="LowRankModel"/> stores its factors.
/// </summary>
internal sealed class KrylovModel(LowRankModel product) : IFactorModel
{
    /// <summary>Widest matrix.</summary>
    public const int MostWide = 100_000;

    /// <summary>Passes at most where their number is not asked for, and where it is.</summary>
    public const int DefaultPasses = 5, MostPasses = 64;

    // What a block may have at most, in float64; and the projected matrix' side.
    private const long MostBlockElements = 1L << 27;

    public const int MostDimensions = JobPlanner.MostColumns;

    // For the cut into blocks where the scan is to find the rank.
    private const int UnknownRank = 64;

    // What a block of rows holds at most, in float32.
    private const int MostRowElements = 64 << 20;

    public string Name => "krylov";

    public bool IsProduct => true;

    public bool IsOwnBaseline => true;

    public bool ScansGram => false;

    public int MostColumns => MostWide;

    public string? Conflict(JobSpec spec) => spec switch
    {
        { TargetError: not null, P: not 2 } => "method krylov meets a target of the relative Frobenius error alone: leave p out, or give p 2.",
        { ColumnMetric: not null } => "method krylov does not go with column-metric, which is a d x d matrix.",
        { AutoP: true } => "method krylov does not go with p auto, which is chosen from what a full SVD leaves: give p, which only the reported l_p error reads.",
        { Fit: not Fit.Auto } => "fit belongs to method lp: method krylov has a fit of its own.",
        { ExactRows: not null } => "method krylov does not go with exact-rows, which scores rows by their Gram matrix.",
        { Subspaces: not null } => "method krylov does not go with subspaces.",
        _ => null,
    };

    public string? Obstacle(TensorPlan plan)
    {
        if (plan.Rank is not int rank || rank > plan.Columns)
            return null;
        (int b, int d) = (plan.BlockVectors(rank), plan.Columns);
        if ((long)b * d > MostBlockElements)
            return $"blocks of {b} vectors of {d} columns are too large for method krylov; take at most {MostBlockElements / d} (a lower rank, or a smaller block-size)";
        int dimensions = (int)Math.Min((Passes(plan) + 1L) * b, d);
        return dimensions <= MostDimensions ? null
            : $"{Passes(plan)} passes with blocks of {b} vectors span {dimensions} dimensions, and the projected matrix has at most {MostDimensions}: take a lower rank, or fewer passes";
    }

    /// <summary>Passes at most.</summary>
    public static int Passes(TensorPlan plan) => plan.Passes ?? DefaultPasses;

    public int DefaultBlockRows(TensorPlan plan)
    {
        // What a block sends is d x b float64: it should be smaller than its rows.
        int b = plan.BlockVectors(plan.Rank ?? UnknownRank);
        long most = Math.Max(512, Math.Max((4 << 20) / plan.Columns, Math.Min(4L * b, MostRowElements / plan.Columns)));
        long least = Math.Min(Math.Max(512, 4L * b), most);
        return (int)Math.Min(Math.Max(1, plan.Rows), Math.Clamp((plan.Rows + 31) / 32, least, most));
    }

    public long StoredBytes(TensorPlan plan, int rank) => product.StoredBytes(plan, rank);

    public IEnumerable<string> StoredNames(FactorNames names) => product.StoredNames(names);

    public void AddToScan(BlockTask task, ReadOnlySpan<float> rows, ReadOnlySpan<double> rowWeights, ArrayBlob blob, StepContext context) =>
        KrylovRound.AddToScan(task, rows, rowWeights, blob, context);

    public void AddToScan(BlockTask task, SparseRows rows, ReadOnlySpan<double> rowWeights, ArrayBlob blob, StepContext context) =>
        KrylovRound.AddToScan(task, rows, rowWeights, blob, context);

    public RankSearch ChooseRank(TensorPlan plan, ScanFindings scan, StepContext context) => TargetSketch.Choose(plan, scan, context);

    public double[] ErrorsByRank(FitState fit, StepContext context) => TargetSketch.Errors(fit, context);

    public FitState Begin(TensorPlan plan, FitState state, ScanFindings scan, string blobPrefix, StepContext context) =>
        KrylovRound.Begin(plan, state, scan, blobPrefix, context);

    public BlockResult RunRound(BlockTask task, IMatrixSource source, string blobName, StepContext context) =>
        KrylovRound.Run(task, source, blobName, context);

    public FitState ReduceRound(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context) =>
        KrylovRound.Reduce(plan, state, results, blobPrefix, context);

    public IBlockEncoder Encoder(BlockTask task, StepContext context) => new ProjectionEncoder(task, context);

    public StoredModel Stored(TensorPlan plan, FitState fit, IBlobStore blobs) => new StoredFactors(plan, fit, blobs, v: fit.Model!.Shared[0]);

    public IRowDecoder Decoder(IModel output, FactorNames names, TensorReport report, bool transposed) => product.Decoder(output, names, report, transposed);

    public TensorReport Describe(TensorReport report, TensorPlan plan, FitState fit)
    {
        KrylovProgress progress = KrylovProgress.Of(fit.Model!);
        return report with { Krylov = new KrylovReport(plan.BlockVectors(fit.Search?.Sketch!.Rank ?? fit.Rank), progress.Passes, progress.Dimensions, progress.Bound, progress.LastGain) };
    }
}
