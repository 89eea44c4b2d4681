using System.Collections.Immutable;
using System.Text.Json.Serialization;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs;

/// <summary>
/// All a worker needs to compute one block, and nothing that depends on who computes it or when. Pure data: the same
/// task gives the same bytes on any worker.
/// </summary>
/// <param name="Address">Which block of which tensor in which stage.</param>
/// <param name="Plan">The tensor's plan (shape, p, method, input paths).</param>
/// <param name="Parameters">What earlier stages found.</param>
/// <param name="Input">What the scan read of the block's rows; null in the scan.</param>
/// <param name="Metric">Root of the column metric, which the rows are multiplied by on load; null in the scan and without one.</param>
public sealed record BlockTask(
    BlockAddress Address, TensorPlan Plan, StageParameters Parameters, InputChecksums? Input = null, BlobRef? Metric = null)
{
    /// <summary>Rows whose weight is 0 ("rows" int64, ascending), for they are stored apart; null: none.</summary>
    public BlobRef? Excluded { get; init; }
}

/// <summary>The stage-specific part of a <see cref="BlockTask"/>.</summary>
public abstract record StageParameters;

/// <summary>Scan: no earlier stage.</summary>
public sealed record ScanParameters : StageParameters;

/// <param name="Scale">Power of two that multiplies every entry on load, about 1 / mean|A|.</param>
/// <param name="Ellipsoid">Inverse Cholesky factor (d x d) of the ellipsoid's matrix M after the round before.</param>
/// <param name="PreviousWeights">This block's Lewis blob of the round before; null in round 0.</param>
/// <param name="Final">Where rounds are sketched: the weights stand still, and the Gram matrix under them is wanted itself.</param>
public sealed record LewisParameters(double Scale, BlobRef Ellipsoid, BlobRef? PreviousWeights, bool Final = false) : StageParameters;

/// <param name="Scale">As in <see cref="LewisParameters"/>.</param>
/// <param name="Weights">This block's Lewis weights and row norms.</param>
/// <param name="WeightSum">Sum of Lewis weights over ALL rows.</param>
/// <param name="NormSum">Sum of c_i ||a_i|| over ALL rows.</param>
/// <param name="SampleSize">m, rows expected in the union of all coresets.</param>
public sealed record CoresetParameters(double Scale, BlobRef Weights, double WeightSum, double NormSum, int SampleSize) : StageParameters;

/// <param name="Scale">As in <see cref="LewisParameters"/>.</param>
/// <param name="Basis">d x d float32, rows orthonormal, the first k spanning V.</param>
/// <param name="Rank">k.</param>
/// <param name="ResidualFloor">eps of the IRLS weights (absolute, in scaled units).</param>
public sealed record RefineParameters(double Scale, BlobRef Basis, int Rank, double ResidualFloor) : StageParameters;

/// <param name="Scale">As in <see cref="LewisParameters"/>.</param>
/// <param name="Bases">As in <see cref="RefineParameters"/>, those of the rounds so far and of this one.</param>
/// <param name="Rank">k.</param>
/// <param name="ResidualFloor">As in <see cref="RefineParameters"/>.</param>
public sealed record JointParameters(double Scale, ImmutableArray<BlobRef> Bases, int Rank, double ResidualFloor) : StageParameters;

/// <param name="Scale">As in <see cref="LewisParameters"/>.</param>
/// <param name="Basis">The final basis, as in <see cref="RefineParameters"/>; null where the model keeps what it found elsewhere.</param>
/// <param name="SvdBasis">The baseline's basis, for the figures that stand beside ours; null where there is none.</param>
/// <param name="Rank">k.</param>
/// <param name="Factors">With a column metric: V as it is stored, and the SVD's.</param>
public sealed record FactoriseParameters(double Scale, BlobRef? Basis, BlobRef? SvdBasis, int Rank, BlobRef? Factors = null) : StageParameters
{
    /// <summary>What the tensor's model found in rounds of its own; null where it has none.</summary>
    public ModelRound? Model { get; init; }

    /// <summary>The sample of columns U is solved in; null: all.</summary>
    public BlobRef? Columns { get; init; }
}

/// <param name="Scale">As in <see cref="LewisParameters"/>.</param>
/// <param name="Rank">k.</param>
/// <param name="Round">What the model computes of the block.</param>
public sealed record ModelParameters(double Scale, int Rank, ModelRound Round) : StageParameters;

/// <summary>What one block's computation came to.</summary>
/// <param name="Blob">Where its arrays lie.</param>
/// <param name="Figures">Its sums.</param>
public sealed record BlockResult(BlobRef Blob, StageFigures Figures);

/// <summary>Small sums of a block, reduced in block order.</summary>
[JsonDerivedType(typeof(ScanFigures), "scan")]
[JsonDerivedType(typeof(LewisFigures), "lewis")]
[JsonDerivedType(typeof(CoresetFigures), "coreset")]
[JsonDerivedType(typeof(RefineFigures), "refine")]
[JsonDerivedType(typeof(JointFigures), "joint")]
[JsonDerivedType(typeof(FactoriseFigures), "factorise")]
[JsonDerivedType(typeof(ModelFigures), "model")]
public abstract record StageFigures;

/// <param name="AbsoluteSum">sum |a_ij|.</param>
/// <param name="MaxRowNorm">Largest row norm.</param>
/// <param name="Input">Of the rows and weights read.</param>
public sealed record ScanFigures(double AbsoluteSum, double MaxRowNorm, InputChecksums Input) : StageFigures;

/// <param name="WeightSum">Sum of this block's new Lewis weights.</param>
/// <param name="NormSum">Sum of c_i ||a_i||, scaled.</param>
/// <param name="LargestChange">max |log(w_new / w_old)|.</param>
public sealed record LewisFigures(double WeightSum, double NormSum, double LargestChange) : StageFigures;

/// <param name="Rows">Rows drawn.</param>
public sealed record CoresetFigures(int Rows) : StageFigures;

/// <param name="Objective">sum c_i ||r_i||^p of the block at the given basis, scaled.</param>
public sealed record RefineFigures(double Objective) : StageFigures;

/// <param name="Objective">sum c_i |r_ij|^p of the block at the round's basis, scaled.</param>
public sealed record JointFigures(double Objective) : StageFigures;

/// <param name="Ours">Error sums of the factors as stored (after rounding), original units.</param>
/// <param name="Svd">Error sums of the rank-k SVD (row-weighted where weights are given), original units.</param>
/// <param name="Regression">How far U can be from optimal given V, original units.</param>
/// <param name="Norms">The same sums of the rows themselves.</param>
/// <param name="Plain">With a column metric, in which the sums before are: those without it.</param>
public sealed record FactoriseFigures(
    ErrorSums Ours, ErrorSums Svd, RegressionOutcome Regression, ErrorSums Norms, PlainErrors? Plain = null) : StageFigures
{
    /// <summary>Sums that only the tensor's model knows the meaning of.</summary>
    public ImmutableArray<double> Model { get; init; } = [];
}

/// <param name="Sums">Of a model's own round; it knows their meaning.</param>
public sealed record ModelFigures(ImmutableArray<double> Sums) : StageFigures;

/// <summary>Errors of the stored factors and of the metric's SVD, and norms of the input, in the input's own columns.</summary>
public sealed record PlainErrors(ErrorSums Ours, ErrorSums Svd, ErrorSums Norms)
{
    public static PlainErrors operator +(PlainErrors a, PlainErrors b) => new(a.Ours + b.Ours, a.Svd + b.Svd, a.Norms + b.Norms);
}
