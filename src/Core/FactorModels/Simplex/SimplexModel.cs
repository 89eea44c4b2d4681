using System.Collections.Immutable;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.FactorModels.Simplex;

/// <summary>
/// A latent simplex (Bakshi, Bhattacharyya, Kannan, Woodruff and Zhou 2021, arXiv 2105.08005; Bhattacharyya and Kannan 2020): each row of A is
/// a convex mixture of k vertices, a_i = w_i V, w_i >= 0, sum w_i = 1. A vertex is the mean of the delta n rows that lie farthest along a
/// random direction of the top singular subspace (<see cref="VertexSearch"/>). Stored as factors U and V like any other.
/// </summary>
internal sealed class SimplexModel(LowRankModel stored) : IFactorModel
{
    /// <summary>How close to the least a row's error is certified, relatively, where nothing else is asked for.</summary>
    public const double DefaultTolerance = 1e-3;

    /// <summary>delta where nothing else is asked for, of a vertex' fair share 1 / k of the rows the part that docs/methods/latent-simplex.md measures to be best.</summary>
    public static double DefaultSmoothing(int rank) => 0.03 / rank;

    public string Name => "simplex";

    public bool IsProduct => true;

    public string? Conflict(JobSpec spec) => spec switch
    {
        { AutoP: true } => "method simplex minimises squared errors: p only says which error is reported, and cannot be chosen.",
        { Fit: not Fit.Auto } => "method simplex has a fit of its own: leave fit out.",
        { TargetError: not null } => "method simplex needs a rank or a compression: how many vertices meet a target error cannot be told beforehand.",
        { RowWeights: not null } => "method simplex does not go with row-weights: its vertices are means of rows, each counted once.",
        { ColumnMetric: not null } => "method simplex does not go with column-metric.",
        { ExactRows: not null } => "method simplex does not go with exact-rows.",
        { Subspaces: not null } => "method simplex does not go with subspaces.",
        _ => null,
    };

    public long StoredBytes(TensorPlan plan, int rank) => stored.StoredBytes(plan, rank);

    public IEnumerable<string> StoredNames(FactorNames names) => stored.StoredNames(names);

    public FitState Begin(TensorPlan plan, FitState state, ScanFindings scan, string blobPrefix, StepContext context) =>
        VertexRound.Begin(plan, state, scan.Basis, blobPrefix, context);

    public BlockResult RunRound(BlockTask task, IMatrixSource source, string blobName, StepContext context) =>
        VertexRound.Run(task, source, blobName, context);

    public FitState ReduceRound(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context) =>
        VertexRound.Reduce(plan, state, results, blobPrefix, context);

    public IBlockEncoder Encoder(BlockTask task, StepContext context) => new SimplexEncoder(task, context);

    /// <summary>The state's numbers are from now on each vertex' nearest rows.</summary>
    public FitState Encoded(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, StepContext context)
    {
        var nearest = new NearestRows(state.Rank);
        foreach (BlockResult result in results)
            nearest.Add(((FactoriseFigures)result.Figures).Model);
        return state with { Model = state.Model! with { Numbers = [.. nearest.ToNumbers()] } };
    }

    public StoredModel Stored(TensorPlan plan, FitState fit, IBlobStore blobs) => stored.Stored(plan, fit, blobs);

    public IRowDecoder Decoder(IModel output, FactorNames names, TensorReport report, bool transposed) =>
        stored.Decoder(output, names, report, transposed);

    public TensorReport Describe(TensorReport report, TensorPlan plan, FitState fit) => report with
    {
        Tolerance = plan.Tolerance ?? DefaultTolerance,
        Simplex = new SimplexReport(plan.Smoothing ?? DefaultSmoothing(fit.Rank), VertexRound.Averaged(plan, fit.Rank), plan.Refine ?? 0, Archetypes(fit)),
    };

    private static ImmutableArray<ImmutableArray<NearRow>> Archetypes(FitState fit) =>
    [
        .. Enumerable.Range(0, fit.Rank).Select(vertex => ImmutableArray.CreateRange(
            Enumerable.Range(vertex * NearestRows.Kept, NearestRows.Kept)
                .Where(at => fit.Model!.Numbers[2 * at] >= 0)
                .Select(at => new NearRow((long)fit.Model!.Numbers[2 * at], fit.Model.Numbers[2 * at + 1])))),
    ];
}
