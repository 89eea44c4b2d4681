using System.Collections.Immutable;
using System.Text.Json.Serialization;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs;

/// <summary>
/// How far one tensor's fit has come: the stage whose blocks are due, and what the stages before it found. Immutable and
/// serialisable (System.Text.Json), so that a checkpoint is this record and the block results.
/// </summary>
public sealed record FitState
{
    /// <summary>The stage whose blocks are to be computed now.</summary>
    public required StageId Stage { get; init; }
    /// <summary>k; set at the latest when the scan is reduced.</summary>
    public int Rank { get; init; }
    /// <summary>
    /// Where tensors share a budget, once the scan is reduced: "eigenvalues" of the Gram matrix. It stays to the end, so that a
    /// tensor started over is allotted its rank again.
    /// </summary>
    public BlobRef? Spectrum { get; init; }
    /// <summary>Where tensors share a budget, until the rank is allotted: what the fit begins from.</summary>
    public BlobRef? Scanned { get; init; }
    /// <summary>What the allotment reads: all tensors that share the budget. Set for its reduction alone.</summary>
    [JsonIgnore]
    public ImmutableArray<SharingTensor> Sharing { get; init; } = [];
    /// <summary>Where the rank was allotted: ||A - A_k||_F / ||A||_F of the SVD of that rank, by the eigenvalues.</summary>
    public double? AllottedError { get; init; }
    /// <summary>The allotment leaves the tensor as it is: done without factors.</summary>
    public bool KeptWhole { get; init; }
    /// <summary>With a target error: the ranks tried.</summary>
    public RankSearch? Search { get; init; }
    /// <summary>What the scan read of the input, a block each, in block order; every later stage must read the same.</summary>
    public ImmutableArray<InputChecksums> Input { get; init; } = [];
    /// <summary>Power of two near 1 / mean|A|.</summary>
    public double Scale { get; init; } = 1;
    /// <summary>p as the scan's reduction chose it, where that was asked for; every later stage reads it.</summary>
    public PowerChoice? Power { get; init; }
    /// <summary>With a column metric, once the scan is reduced: its root, which every later stage multiplies A by.</summary>
    public BlobRef? Metric { get; init; }
    /// <summary>The root's pseudo-inverse, which takes V back.</summary>
    public BlobRef? MetricInverse { get; init; }
    public MetricFile? MetricFile { get; init; }
    /// <summary>V and the SVD's V in the input's columns, k x d, where a column metric makes them other than the bases.</summary>
    public BlobRef? Factors { get; init; }
    /// <summary>Frobenius error in the metric of the SVD of A itself; null with row weights.</summary>
    public double? PlainSvdInMetric { get; init; }
    /// <summary>d x d eigenvector basis of the (row-weighted) Gram, of A S where there is a metric: the SVD baseline.</summary>
    public BlobRef? SvdBasis { get; init; }
    /// <summary>Inverse Cholesky factor of M after the latest Lewis round, while another round needs it.</summary>
    public BlobRef? Ellipsoid { get; init; }
    /// <summary>Every block's Lewis blob of the latest round, in block order.</summary>
    public ImmutableArray<BlobRef> LewisBlobs { get; init; } = [];
    public double WeightSum { get; init; }
    public double NormSum { get; init; }
    /// <summary>The basis in hand (first k rows: V).</summary>
    public BlobRef? Basis { get; init; }
    /// <summary>The basis <see cref="LastObjective"/> belongs to: kept until the one in hand has proved better.</summary>
    public BlobRef? PreviousBasis { get; init; }
    /// <summary>eps of the IRLS weights, scaled units.</summary>
    public double ResidualFloor { get; init; }
    /// <summary>Objective of the basis before the one in hand; the largest double at first.</summary>
    public double LastObjective { get; init; } = double.MaxValue;
    public int LewisRounds { get; init; }
    /// <summary>The Lewis round due is the one after sketched weights stood still.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool FinalLewis { get; init; }
    public int CoresetRows { get; init; }
    public int MergeIterations { get; init; }
    public int RefineRounds { get; init; }
    /// <summary>Of these, rounds at ranks that missed a target error.</summary>
    public int RefinedBefore { get; init; }
    /// <summary>The bases of the joint fit's rounds so far, and of the one due: a block's state is replayed from them.</summary>
    public ImmutableArray<BlobRef> JointBases { get; init; } = [];
    /// <summary>Objective of every joint round done at this rank, scaled units.</summary>
    public ImmutableArray<double> JointObjectives { get; init; } = [];
    /// <summary>Joint rounds at ranks that missed a target error.</summary>
    public int JointBefore { get; init; }
    /// <summary>U blocks in block order, once factorised.</summary>
    public ImmutableArray<BlobRef> UBlocks { get; init; } = [];
    public ErrorSums? Ours { get; init; }
    public ErrorSums? Svd { get; init; }
    /// <summary>The same sums of the input itself, once factorised.</summary>
    public ErrorSums? Norms { get; init; }
    /// <summary>With a column metric, in which the three before are measured: the same without it.</summary>
    public PlainErrors? Plain { get; init; }
    /// <summary>Of the regression for U, original units.</summary>
    public RegressionOutcome Regression { get; init; }
    /// <summary>Blobs no later stage reads; the owner of the store may delete them after committing this state.</summary>
    public ImmutableArray<BlobRef> Superseded { get; init; } = [];

    public bool IsDone => Stage.Kind == StageKind.Done;

    /// <summary>The blob whose "basis" begins with V as it is stored.</summary>
    [JsonIgnore]
    public BlobRef? StoredV => Factors ?? Basis;

    /// <summary>What the tensor's model found in rounds of its own.</summary>
    public ModelState? Model { get; init; }

    /// <summary>Rows that the fit does not count, for they are stored apart: "rows" int64, ascending.</summary>
    public BlobRef? Excluded { get; init; }

    /// <summary>Where U is solved in a sample of the columns: the draw (<see cref="Steps.ColumnStep"/>).</summary>
    public BlobRef? Columns { get; init; }

    /// <summary>What that came to.</summary>
    public ColumnFit? ColumnFit { get; init; }

    /// <summary>Blobs that a later stage or the output needs.</summary>
    [JsonIgnore]
    public IEnumerable<BlobRef> Blobs =>
        new[] { Spectrum, Scanned, SvdBasis, Ellipsoid, Basis, PreviousBasis, Metric, MetricInverse, Factors, Excluded, Columns }.OfType<BlobRef>()
            .Concat(LewisBlobs).Concat(JointBases).Concat(UBlocks).Concat(Model?.Blobs ?? []).Except(Superseded).Distinct();
}

/// <summary>The regression in a sample of the columns.</summary>
/// <param name="Drawn">Columns.</param>
/// <param name="Compared">Rows that were solved in all columns too, spread over the matrix.</param>
/// <param name="Ours">Their sum c |r|^p, solved in the sample; scaled.</param>
/// <param name="All">The same, solved in all columns.</param>
/// <param name="Projected">Rows of the whole matrix that stayed projected: no step towards the sample's solution was better.</param>
public sealed record ColumnFit(int Drawn, long Compared, double Ours, double All, long Projected);

/// <summary>A scanned tensor among those that share a budget.</summary>
/// <param name="Index">Its place in the plan.</param>
/// <param name="Rows">n.</param>
/// <param name="Columns">d.</param>
/// <param name="Spectrum">The eigenvalues of its Gram matrix.</param>
public sealed record SharingTensor(int Index, long Rows, int Columns, BlobRef Spectrum);

/// <summary>What the scan's reduction read of a column metric.</summary>
/// <param name="Sha256">Of the file.</param>
/// <param name="Rank">Eigenvalues that count.</param>
/// <param name="Unit">What an error measured with the normalised root is multiplied by: a power of two.</param>
public sealed record MetricFile(string Sha256, int Rank, double Unit);
