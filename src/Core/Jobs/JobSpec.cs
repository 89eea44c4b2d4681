using System.Collections.Immutable;
using System.Text.Json.Serialization;
using ClusterLp.Core.Formats;

namespace ClusterLp.Core.Jobs;

/// <summary>How V is fitted.</summary>
public enum Fit
{
    /// <summary>
    /// IRLS rounds on the full data, from the SVD's start; from V of a merged coreset where a few rows hold most of the norm, for
    /// they may have bent the SVD (default).
    /// </summary>
    Auto,
    /// <summary>On a merged coreset, then refined on the full data (as auto where n &lt; 20 d).</summary>
    Coreset,
    /// <summary>IRLS rounds on the full data from the SVD start, to a fifth of auto's tolerance.</summary>
    Exact,
    /// <summary>After such rounds, U and V together: the lowest entrywise error, for many rounds on the full data.</summary>
    Joint,
}

/// <summary>What is minimised.</summary>
public enum Method
{
    /// <summary>Entrywise l_p: IRLS subspace, then row-wise l_p regression for U.</summary>
    Lp,
    /// <summary>The published method: top axes of the Lewis ellipsoid, U by projection.</summary>
    Lewis,
    /// <summary>Truncated SVD (the l_2 baseline).</summary>
    Svd,
    /// <summary>Rows as convex mixtures of k vertices (<see cref="FactorModels.Simplex.SimplexModel"/>).</summary>
    Simplex,
    /// <summary>The same by block Krylov iteration, for matrices too wide for a Gram matrix.</summary>
    Krylov,
}

/// <summary>What row scores are computed from.</summary>
public enum Embedding
{
    /// <summary>Gram matrices of all rows.</summary>
    Exact,
    /// <summary>Sparse subspace embeddings (<see cref="Sketches.SparseEmbedding"/>).</summary>
    Sparse,
}

/// <summary>
/// What the user asked for: the options of <c>compress</c> and the keys of job.json, same names. Exactly one of
/// <see cref="Rank"/>, <see cref="Compression"/> and <see cref="TargetError"/> is set.
/// </summary>
public sealed record JobSpec
{
    /// <summary>Model file, shard index or model directory.</summary>
    public required string Input { get; init; }
    /// <summary>Output directory; must not exist unless <see cref="Force"/>.</summary>
    public required string Output { get; init; }
    /// <summary>Tensor names or globs (<c>*</c>, <c>?</c>); empty: every 2-D floating tensor that would shrink.</summary>
    public ImmutableArray<string> Tensors { get; init; } = [];
    /// <summary>Names or globs of tensors that stay as they are, whatever <see cref="Tensors"/> says.</summary>
    public ImmutableArray<string> Exclude { get; init; } = [];
    /// <summary>k, 1 or more.</summary>
    public int? Rank { get; init; }
    /// <summary>
    /// Share of the elements to save, in (0, 1): of all chosen tensors together, ranks by <see cref="RankAllotment"/>; of each
    /// where there is one or <see cref="PerTensor"/>, k = floor((1 - c) n d / (n + d)).
    /// </summary>
    public double? Compression { get; init; }
    /// <summary>The compression is each tensor's own.</summary>
    public bool PerTensor { get; init; }
    /// <summary>Largest allowed relative error ||A - UV||_p / ||A||_p, in (0, 1).</summary>
    public double? TargetError { get; init; }
    /// <summary>p in [1, 2].</summary>
    public double P { get; init; } = 1.5;
    /// <summary>p where none is given: 1.5, and 2 where only the Frobenius error can be aimed at.</summary>
    public static double DefaultP(Method method, double? targetError) => method == Method.Krylov && targetError is not null ? 2 : 1.5;
    /// <summary>p is chosen for each tensor from its residual; <see cref="P"/> is not read.</summary>
    public bool AutoP { get; init; }
    /// <summary>
    /// Certified relative gap in ||r||_p at which a row's regression is done, from 1e-5 to 0.5; null: 1e-2 at p = 1, 2e-3 elsewhere.
    /// </summary>
    public double? Tolerance { get; init; }
    public Fit Fit { get; init; }
    public Method Method { get; init; } = Method.Lp;
    /// <summary>File of n positive numbers, one a line or a one-dimensional .npy; c_i in the formulas.</summary>
    public string? RowWeights { get; init; }
    /// <summary>File of a symmetric positive semi-definite d x d .npy, H: the error of (A - UV) H^(1/2) is minimised.</summary>
    public string? ColumnMetric { get; init; }
    /// <summary>Share of the rows, in (0, 1), that are stored as they are within the same budget: the heaviest ones.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public double? ExactRows { get; init; }
    /// <summary>Columns, about, of a sample in which U is solved; null: all columns.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public int? ActiveColumns { get; init; }
    /// <summary>J, from 2 to 64: each row is approximated in the nearest of J subspaces of dimension k, at equal storage; null: in one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public int? Subspaces { get; init; }
    /// <summary>Starts of the clustering by subspaces on a sample of rows, of which the best goes on: from 1 to 1000; null: 4.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public int? Restarts { get; init; }
    /// <summary>Share of the rows, in (0, 1), that a vertex of the simplex is the mean of; null: 0.03 / k.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public double? Smoothing { get; init; }
    /// <summary>Rounds, from 1 to 1000, that move the simplex' vertices to lower the squared error; null: none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public int? Refine { get; init; }
    /// <summary>File of names of the rows (<see cref="Evaluation.Vocabulary"/>), for the simplex' archetypes; null: the model's own, if its format has them.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public string? Vocabulary { get; init; }
    /// <summary>Passes of <see cref="Method.Krylov"/>, from 1 to 64; null: until one more gains little, at most 5.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public int? Passes { get; init; }
    /// <summary>Vectors of a block of <see cref="Method.Krylov"/>, the rank or more; null: a quarter more than the rank, and 10 at least.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public int? BlockSize { get; init; }
    /// <summary>What Lewis weights are computed from.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public Embedding Embedding { get; init; }
    /// <summary>Rows of a block; null: <see cref="BlockPartition.DefaultBlockRows"/>.</summary>
    public int? BlockRows { get; init; }
    public ulong Seed { get; init; }
    /// <summary>Element type of the factors; null: the input's.</summary>
    public ElementType? Dtype { get; init; }
    /// <summary>Also write dense UV under the old names.</summary>
    public bool Reconstruct { get; init; }
    /// <summary>Replace an existing output directory.</summary>
    public bool Force { get; init; }
}
