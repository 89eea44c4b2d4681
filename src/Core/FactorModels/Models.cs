using ClusterLp.Core.FactorModels.ExactRows;
using ClusterLp.Core.FactorModels.Krylov;
using ClusterLp.Core.FactorModels.Simplex;
using ClusterLp.Core.FactorModels.Subspaces;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.FactorModels;

/// <summary>Which model a tensor has, and the arithmetic of storage that is the same for all.</summary>
internal static class Models
{
    private static readonly LowRankModel LowRank = new();

    private static readonly ExactRowsModel ExactRows = new(LowRank);

    private static readonly SubspacesModel Subspaces = new();

    private static readonly SimplexModel Simplex = new(LowRank);

    private static readonly KrylovModel Krylov = new(LowRank);

    private static readonly IFactorModel[] All = [LowRank, ExactRows, Subspaces, Simplex, Krylov];

    /// <summary>The model of a job's tensors.</summary>
    public static IFactorModel Of(JobSpec spec) => Of(spec.Method, spec.Subspaces, spec.ExactRows);

    /// <summary>The model of a planned tensor.</summary>
    public static IFactorModel Of(TensorPlan plan) => Of(plan.Method, plan.Subspaces, plan.ExactRows);

    /// <summary>The model a report names.</summary>
    /// <exception cref="ClusterLpException">A later version's (exit 65).</exception>
    public static IFactorModel Of(TensorReport report) => report.Model is null ? LowRank : All.FirstOrDefault(model => model.Name == report.Model)
        ?? throw ClusterLpException.BadInput($"tensor \"{report.Name}\" is stored as \"{report.Model}\", which this version does not know.");

    /// <summary>Opens the approximation of a tensor, rows as those of the stored tensor.</summary>
    /// <inheritdoc cref="IFactorModel.Decoder"/>
    public static IRowDecoder Decoder(IModel input, IModel output, TensorReport report, bool transposed) =>
        Of(report).Decoder(output, FactorNames.For(input, report.Name), report, transposed);

    /// <summary>k for a compression: the largest whose stored bytes are at most the share that is left; of a low-rank fit at least 1.</summary>
    /// <exception cref="ClusterLpException">Rank 1 takes more (exit 65).</exception>
    public static int RankFor(TensorPlan plan, double compression)
    {
        IFactorModel model = Of(plan);
        if (model is LowRankModel)
            return RankRule.FromCompression(plan.Rows, plan.Columns, compression);
        long bytes = (long)Math.Floor((1 - compression) * ((double)plan.Rows * plan.Columns) * plan.FactorType.Size() * (1 + 1e-9));
        long least = model.StoredBytes(plan, 1);
        return least <= bytes ? LargestWithin(plan, bytes) : throw ClusterLpException.BadInput(FormattableString.Invariant(
            $"tensor \"{plan.Name}\": compression {compression} leaves {bytes} bytes, and {model.Name} takes {least} at rank 1: save less or store less beside the factors."));
    }

    /// <summary>The largest k that takes less than the matrix does in the factors' element type; 0 where there is none.</summary>
    public static int LargestRank(TensorPlan plan)
    {
        IFactorModel model = Of(plan);
        long whole = checked(plan.Rows * plan.Columns * plan.FactorType.Size());
        return model.StoredBytes(plan, 1) >= whole ? 0 : LargestWithin(plan, whole - 1);
    }

    /// <summary>The rank of the plain low-rank fit that takes at most what the model takes at rank k: the baseline's.</summary>
    public static int BaselineRank(TensorPlan plan, int rank) => Of(plan) is LowRankModel ? rank
        : (int)Math.Clamp(Of(plan).StoredBytes(plan, rank) / ((plan.Rows + plan.Columns) * plan.FactorType.Size()), 1, plan.Columns);

    private static IFactorModel Of(Method method, int? subspaces, double? exactRows) =>
        method == Method.Simplex ? Simplex : method == Method.Krylov ? Krylov : subspaces is not null ? Subspaces : exactRows is null ? LowRank : ExactRows;

    private static int LargestWithin(TensorPlan plan, long bytes)
    {
        IFactorModel model = Of(plan);
        (int low, int high) = (1, plan.Columns);
        while (low < high)
        {
            int middle = low + (high - low + 1) / 2;
            (low, high) = model.StoredBytes(plan, middle) <= bytes ? (middle, high) : (low, middle - 1);
        }
        return low;
    }
}
