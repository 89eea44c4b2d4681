using System.Collections.Immutable;
using System.Runtime.Serialization;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Messages.Wire;

namespace ClusterLp.Messages.Serialization;

/// <summary>Block tasks to and from their wire form. Enumerations of the plan travel by name, so that a log can be read.</summary>
internal static class TaskMapping
{
    public static BlockWire ToWire(BlockAddress block) =>
        new() { Tensor = block.Tensor, Stage = (int)block.Stage.Kind, Round = block.Stage.Round, Block = block.Block };

    public static BlockAddress FromWire(BlockWire w) => new(w.Tensor, new StageId((StageKind)w.Stage, w.Round), w.Block);

    public static BlobWire ToWire(BlobRef blob) => new() { Uri = blob.Uri, Length = blob.Length, Checksum = blob.Checksum };

    public static BlobRef FromWire(BlobWire w) => new(w.Uri, w.Length, w.Checksum);

    private static BlobWire? OrNull(BlobRef? blob) => blob is null ? null : ToWire(blob);

    private static BlobRef? OrNull(BlobWire? w) => w is null ? null : FromWire(w);

    private static ModelRoundWire ToWire(ModelRound round)
    {
        var wire = new ModelRoundWire { Step = round.Step, Own = OrNull(round.Own) };
        wire.Shared.AddRange(round.Shared.Select(ToWire));
        wire.Numbers.AddRange(round.Numbers);
        return wire;
    }

    private static ModelRound FromWire(ModelRoundWire w) => new(w.Step, w.Shared.Select(FromWire).ToImmutableArray(), OrNull(w.Own), w.Numbers.ToImmutableArray());

    public static InputWire ToWire(InputChecksums input) => new() { Rows = input.Rows, Weights = input.Weights };

    public static InputChecksums FromWire(InputWire w) => new(w.Rows, w.Weights);

    public static BlockTaskWire ToWire(BlockTask task)
    {
        var wire = new BlockTaskWire
        {
            Block = ToWire(task.Address), Plan = ToWire(task.Plan), Input = task.Input is null ? null : ToWire(task.Input),
            Metric = OrNull(task.Metric), Excluded = OrNull(task.Excluded),
        };
        switch (task.Parameters)
        {
            case ScanParameters:
                wire.Scan = new ScanWire();
                break;
            case LewisParameters p:
                wire.Lewis = new LewisWire
                {
                    Scale = p.Scale, Ellipsoid = ToWire(p.Ellipsoid), PreviousWeights = OrNull(p.PreviousWeights), Final = p.Final,
                };
                break;
            case CoresetParameters p:
                wire.Coreset = new CoresetWire
                {
                    Scale = p.Scale, Weights = ToWire(p.Weights), WeightSum = p.WeightSum, NormSum = p.NormSum, SampleSize = p.SampleSize,
                };
                break;
            case RefineParameters p:
                wire.Refine = new RefineWire { Scale = p.Scale, Basis = ToWire(p.Basis), Rank = p.Rank, ResidualFloor = p.ResidualFloor };
                break;
            case JointParameters p:
                wire.Joint = new JointWire { Scale = p.Scale, Rank = p.Rank, ResidualFloor = p.ResidualFloor };
                wire.Joint.Bases.AddRange(p.Bases.Select(ToWire));
                break;
            case ModelParameters p:
                wire.Model = new ModelWire { Scale = p.Scale, Rank = p.Rank, Round = ToWire(p.Round) };
                break;
            case FactoriseParameters p:
                wire.Factorise = new FactoriseWire
                {
                    Scale = p.Scale, Basis = OrNull(p.Basis), SvdBasis = OrNull(p.SvdBasis), Rank = p.Rank, Factors = OrNull(p.Factors),
                    Model = p.Model is null ? null : ToWire(p.Model), Columns = OrNull(p.Columns),
                };
                break;
            default:
                throw new SerializationException($"{task.Parameters.GetType()} has no wire form.");
        }
        return wire;
    }

    public static BlockTask FromWire(BlockTaskWire w) => new(FromWire(w.Block), FromWire(w.Plan), w.ParametersCase switch
    {
        BlockTaskWire.ParametersOneofCase.Scan => new ScanParameters(),
        BlockTaskWire.ParametersOneofCase.Lewis => new LewisParameters(
            w.Lewis.Scale, FromWire(w.Lewis.Ellipsoid), OrNull(w.Lewis.PreviousWeights), w.Lewis.Final),
        BlockTaskWire.ParametersOneofCase.Coreset => new CoresetParameters(
            w.Coreset.Scale, FromWire(w.Coreset.Weights), w.Coreset.WeightSum, w.Coreset.NormSum, w.Coreset.SampleSize),
        BlockTaskWire.ParametersOneofCase.Refine => new RefineParameters(w.Refine.Scale, FromWire(w.Refine.Basis), w.Refine.Rank, w.Refine.ResidualFloor),
        BlockTaskWire.ParametersOneofCase.Joint => new JointParameters(
            w.Joint.Scale, [.. w.Joint.Bases.Select(FromWire)], w.Joint.Rank, w.Joint.ResidualFloor),
        BlockTaskWire.ParametersOneofCase.Factorise => new FactoriseParameters(
            w.Factorise.Scale, OrNull(w.Factorise.Basis), OrNull(w.Factorise.SvdBasis), w.Factorise.Rank, OrNull(w.Factorise.Factors))
        {
            Model = w.Factorise.Model is null ? null : FromWire(w.Factorise.Model), Columns = OrNull(w.Factorise.Columns),
        },
        BlockTaskWire.ParametersOneofCase.Model => new ModelParameters(w.Model.Scale, w.Model.Rank, FromWire(w.Model.Round)),
        _ => throw new SerializationException("a block task without a known stage: coordinator and worker are of different versions."),
    }, w.Input is null ? null : FromWire(w.Input), OrNull(w.Metric)) { Excluded = OrNull(w.Excluded) };

    private static PlanWire ToWire(TensorPlan plan)
    {
        var wire = new PlanWire
        {
            Index = plan.Index, Name = plan.Name, Rows = plan.Rows, Columns = plan.Columns, InputType = plan.InputType.ToString(),
            FactorType = plan.FactorType.ToString(), BlockRows = plan.BlockRows, P = plan.P, Method = plan.Method.ToString(),
            Fit = plan.Fit.ToString(), Seed = plan.Seed, Input = plan.Input, AutoP = plan.AutoP, Transposed = plan.Transposed,
        };
        if (plan.Rank is { } rank)
            wire.Rank = rank;
        if (plan.TargetError is { } target)
            wire.TargetError = target;
        if (plan.Tolerance is { } tolerance)
            wire.Tolerance = tolerance;
        if (plan.SharedBudget is { } budget)
            wire.SharedBudget = budget;
        if (plan.RowWeights is { } weights)
            wire.RowWeights = weights;
        if (plan.ColumnMetric is { } metric)
            wire.ColumnMetric = metric;
        if (plan.ExactRows is { } exact)
            wire.ExactRows = exact;
        if (plan.Embedding != Embedding.Exact)
            wire.Embedding = plan.Embedding.ToString();
        if (plan.ActiveColumns is { } columns)
            wire.ActiveColumns = columns;
        if (plan.Subspaces is { } subspaces)
            wire.Subspaces = subspaces;
        if (plan.Smoothing is { } smoothing)
            wire.Smoothing = smoothing;
        if (plan.Refine is { } refine)
            wire.Refine = refine;
        if (plan.Restarts is { } restarts)
            wire.Restarts = restarts;
        if (plan.Passes is { } passes)
            wire.Passes = passes;
        if (plan.BlockSize is { } blockSize)
            wire.BlockSize = blockSize;
        return wire;
    }

    private static TensorPlan FromWire(PlanWire w) => new()
    {
        Index = w.Index, Name = w.Name, Rows = w.Rows, Columns = w.Columns, InputType = Named<ElementType>(w.InputType),
        FactorType = Named<ElementType>(w.FactorType), BlockRows = w.BlockRows, Rank = w.HasRank ? w.Rank : null,
        TargetError = w.HasTargetError ? w.TargetError : null, P = w.P, AutoP = w.AutoP, Tolerance = w.HasTolerance ? w.Tolerance : null, Method = Named<Method>(w.Method), Fit = Named<Fit>(w.Fit),
        Seed = w.Seed, Input = w.Input, RowWeights = w.HasRowWeights ? w.RowWeights : null,
        ColumnMetric = w.HasColumnMetric ? w.ColumnMetric : null, SharedBudget = w.HasSharedBudget ? w.SharedBudget : null, Transposed = w.Transposed,
        Embedding = w.HasEmbedding ? Named<Embedding>(w.Embedding) : Embedding.Exact,
        ExactRows = w.HasExactRows ? w.ExactRows : null, ActiveColumns = w.HasActiveColumns ? w.ActiveColumns : null,
        Subspaces = w.HasSubspaces ? w.Subspaces : null, Restarts = w.HasRestarts ? w.Restarts : null, Smoothing = w.HasSmoothing ? w.Smoothing : null, Refine = w.HasRefine ? w.Refine : null,
        Passes = w.HasPasses ? w.Passes : null, BlockSize = w.HasBlockSize ? w.BlockSize : null,
    };

    // Enum.Parse would let any number through, and overflow on a large one.
    private static T Named<T>(string name) where T : struct, Enum =>
        Enum.TryParse(name, out T value) && Enum.IsDefined(value)
            ? value
            : throw new SerializationException($"\"{name}\" is no {typeof(T).Name}: coordinator and worker are of different versions.");
}
