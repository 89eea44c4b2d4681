using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.FactorModels;

/// <summary>
/// A form in which a matrix A (n x d) is approximated: how it is fitted from sums and samples over the blocks, how a block is
/// encoded, what is stored and how many bytes that takes, and how rows are decoded. Stateless and thread-safe: all it knows of a
/// tensor is in the plan and the state.
/// </summary>
/// <remarks>
/// The pipeline around it is the same for every model: scan, <see cref="Begin"/>, any number of rounds, factorise. Rounds of a
/// model's own are of <see cref="StageKind.Model"/>: every block computes <see cref="RunRound"/> from what
/// <see cref="ModelRound"/> says, and <see cref="ReduceRound"/> reads the results in block order. So blocks, leases, checkpoints
/// and recovery know no models.
/// </remarks>
internal interface IFactorModel
{
    /// <summary>As the report names it.</summary>
    string Name { get; }

    /// <summary>Why the options do not go with this model; null where they do. Options every method has are checked elsewhere.</summary>
    string? Conflict(JobSpec spec);

    /// <summary>Why a tensor of this shape cannot have this model; null where it can.</summary>
    string? Obstacle(TensorPlan plan) => null;

    /// <summary>Whether what is stored is U and V, whose product is the approximation (<see cref="StoredFactors"/>).</summary>
    bool IsProduct => false;

    /// <summary>Whether a block's blob is its rows of the first factor ("u") and nothing else, so that they can lie in a <see cref="FactorPlace"/>.</summary>
    bool StoresRowsAlone => false;

    /// <summary>Whether its approximation is itself what stands for the SVD in the report: no other is computed.</summary>
    bool IsOwnBaseline => false;

    /// <summary>Whether the scan forms the d x d Gram matrix and the SVD of it; else <see cref="WideScan"/> takes sums alone.</summary>
    bool ScansGram => true;

    /// <summary>Widest matrix, as it is fitted.</summary>
    int MostColumns => JobPlanner.MostColumns;

    /// <summary>Rows of a block where the job does not say; the rank is known where it is not left to the scan.</summary>
    int DefaultBlockRows(TensorPlan plan) => BlockPartition.DefaultBlockRows(plan.Rows, plan.Columns);

    /// <summary>Whether a wide matrix (n &lt; d) may be fitted as its transpose.</summary>
    bool AllowsTranspose => false;

    /// <summary>Bytes of all that is stored of the tensor at rank k, indices included. Grows with k.</summary>
    long StoredBytes(TensorPlan plan, int rank);

    /// <summary>
    /// Bytes that blocks in work and reductions hold at most beside what those of every fit do: rough, for whoever plans a job.
    /// </summary>
    /// <param name="plan">The tensor's plan.</param>
    /// <param name="threads">Blocks in work at once, and threads of a reduction.</param>
    double WorkingBytes(TensorPlan plan, int threads) => 0;

    /// <summary>The names of all that is stored of the tensor.</summary>
    IEnumerable<string> StoredNames(FactorNames names);

    /// <summary>Whether <see cref="AddToScan"/> has something to do, for which rows read by their nonzeros are written in full.</summary>
    bool ReadsScannedRows => false;

    /// <summary>Adds arrays of its own to a block's scan. Rows as they are in the input, unscaled.</summary>
    /// <param name="task">The scan's task.</param>
    /// <param name="rows">count x d.</param>
    /// <param name="rowWeights">c_i, count.</param>
    /// <param name="blob">Receives them.</param>
    /// <param name="context">When to stop.</param>
    void AddToScan(BlockTask task, ReadOnlySpan<float> rows, ReadOnlySpan<double> rowWeights, ArrayBlob blob, StepContext context)
    {
    }

    /// <summary>The same from rows read by their nonzeros, for models whose scan forms no Gram matrix.</summary>
    /// <param name="task">The scan's task.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="rowWeights">c_i, one each.</param>
    /// <param name="blob">Receives the arrays.</param>
    /// <param name="context">When to stop.</param>
    void AddToScan(BlockTask task, SparseRows rows, ReadOnlySpan<double> rowWeights, ArrayBlob blob, StepContext context)
    {
    }

    /// <summary>The rank to begin with for a target error.</summary>
    /// <inheritdoc cref="TargetRank.Choose"/>
    RankSearch ChooseRank(TensorPlan plan, ScanFindings scan, StepContext context) =>
        TargetRank.Choose(plan, scan.Eigenvalues, scan.Basis, scan.Sample, context);

    /// <summary>The SVD's error by rank, from 0 to the largest that is known, in any unit: what <see cref="RankCheck"/> raises a rank along.</summary>
    double[] ErrorsByRank(FitState fit, StepContext context) =>
        TargetRank.Tails(StepData.Read(context, fit.SvdBasis!).Get<double>("eigenvalues"));

    /// <summary>The scanned tensor at the first stage of its fit.</summary>
    /// <param name="plan">Its plan, p settled.</param>
    /// <param name="state">With scale, SVD basis and rank.</param>
    /// <param name="scan">What the scan found.</param>
    /// <param name="blobPrefix">Names what is written.</param>
    /// <param name="context">Blobs and threads.</param>
    FitState Begin(TensorPlan plan, FitState state, ScanFindings scan, string blobPrefix, StepContext context);

    /// <summary>A block's part in a round of the model's own; the task's parameters are <see cref="ModelParameters"/>.</summary>
    BlockResult RunRound(BlockTask task, IMatrixSource source, string blobName, StepContext context) =>
        throw new InvalidOperationException($"{Name} has no rounds of its own");

    /// <summary>The reduction of such a round, results in block order; the next stage follows from the state it gives.</summary>
    FitState ReduceRound(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context) =>
        throw new InvalidOperationException($"{Name} has no rounds of its own");

    /// <summary>What encodes the rows of a block; used by one thread, for one block.</summary>
    /// <param name="task">A factorise task.</param>
    /// <param name="context">Blobs, and when to stop.</param>
    IBlockEncoder Encoder(BlockTask task, StepContext context);

    /// <summary>The factorised tensor with what only the model's own figures tell; called with the factorise stage's results.</summary>
    FitState Encoded(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, StepContext context) => state;

    /// <summary>The finished tensor as it is to be stored.</summary>
    StoredModel Stored(TensorPlan plan, FitState fit, IBlobStore blobs);

    /// <summary>Opens what is stored of a tensor, to decode rows of it; the caller disposes it.</summary>
    /// <param name="output">The compressed model.</param>
    /// <param name="names">Names of the tensor's parts.</param>
    /// <param name="report">What was reported of the tensor.</param>
    /// <param name="transposed">Rows of the transposed matrix are wanted: only where <see cref="AllowsTranspose"/>.</param>
    /// <exception cref="ClusterLpException">A part is missing or has another shape (exit 65).</exception>
    IRowDecoder Decoder(IModel output, FactorNames names, TensorReport report, bool transposed);

    /// <summary>The tensor's report with what is this model's own.</summary>
    TensorReport Describe(TensorReport report, TensorPlan plan, FitState fit) => report;
}
