using System.Collections.Immutable;
using System.Text.Json.Serialization;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Reporting;

/// <summary>The four errors everyone is shown, in the matrix' own units.</summary>
/// <param name="L1">sum |a - uv|.</param>
/// <param name="Lp">(sum |a - uv|^p)^(1/p).</param>
/// <param name="Frobenius">(sum (a - uv)^2)^(1/2).</param>
/// <param name="MaxRow">Largest row's Euclidean error; of a transposed fit, the largest column's.</param>
/// <param name="WeightedLp">(sum c_i |a - uv|^p)^(1/p); present with row weights only.</param>
public sealed record Errors(
    double L1, double Lp, double Frobenius, double MaxRow,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? WeightedLp)
{
    public static Errors From(ErrorSums sums, double p, bool weighted) => new(
        sums.L1, Math.Pow(sums.Lp, 1 / p), Math.Sqrt(sums.Squares), sums.MaxRow,
        weighted ? Math.Pow(sums.WeightedLp, 1 / p) : null);
}

/// <summary>l_p errors of the joint rounds, row-weighted where weights are given, in the matrix' own units.</summary>
/// <param name="Start">Of the basis they start from, rows projected.</param>
/// <param name="Best">The lowest; the regression of U lowers it further.</param>
public sealed record JointObjective(double Start, double Best);

/// <summary>What became of one tensor.</summary>
public sealed record TensorReport
{
    public required string Name { get; init; }
    public required long Rows { get; init; }
    public required int Columns { get; init; }
    /// <summary>The tensor is wide and was fitted as its transpose: <see cref="Errors.MaxRow"/> is its largest column's error.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool Transposed { get; init; }
    public required string InputType { get; init; }
    public required string FactorType { get; init; }
    public required int Rank { get; init; }
    /// <summary>
    /// Where tensors share a budget: ||A - A_k||_F / ||A||_F of the SVD at this rank by the scan's eigenvalues, which the rank was
    /// allotted by.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public double? AllottedError { get; init; }
    public required double P { get; init; }
    /// <summary>How p was chosen, where that was left to the job.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public PowerChoice? AutoP { get; init; }
    public required string Method { get; init; }
    /// <summary>The form of approximation; absent: low-rank, U V.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public string? Model { get; init; }
    /// <summary>Set where heavy rows are stored as they are.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public ExactRowsReport? ExactRows { get; init; }
    /// <summary>Set where U was solved in a sample of the columns.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public ActiveColumnsReport? ActiveColumns { get; init; }
    /// <summary>Set where rows are approximated in several subspaces.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public SubspacesReport? Subspaces { get; init; }
    /// <summary>Set where rows are mixtures of a simplex' vertices.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public SimplexReport? Simplex { get; init; }
    /// <summary>Set where V is from a block Krylov iteration; <see cref="Svd"/> is then this fit's own.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public KrylovReport? Krylov { get; init; }
    /// <summary><c>sparse</c> where rows were scored by sparse embeddings; absent: by Gram matrices of all rows, or not at all.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public string? Embedding { get; init; }
    /// <summary>Rank of the SVD of equal storage, where that is not <see cref="Rank"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public int? SvdRank { get; init; }
    /// <summary>What ran: <c>coreset</c>, <c>auto</c> (all rows from the SVD's V), <c>exact</c>, <c>joint</c>, or <c>none</c> for svd and lewis.</summary>
    public required string Fit { get; init; }
    public required long BytesBefore { get; init; }
    public required long BytesAfter { get; init; }
    /// <summary>Errors of the factors as stored.</summary>
    public required Errors Errors { get; init; }
    /// <summary>
    /// Errors of the SVD of equal storage, which for factors U V is that of the same rank (row-weighted where weights were given, in the column metric where that was), before
    /// rounding.
    /// </summary>
    public required Errors Svd { get; init; }
    /// <summary>||A - UV||_p / ||A||_p.</summary>
    public required double RelativeLp { get; init; }
    /// <summary>(sum c |a - uv|^p / sum c |a|^p)^(1/p); present with row weights only.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public double? RelativeWeightedLp { get; init; }
    /// <summary>||A - UV||_F / ||A||_F.</summary>
    public required double RelativeFrobenius { get; init; }
    /// <summary>Set with a column metric: the errors in it. Those above are without it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public MetricReport? Metric { get; init; }
    /// <summary>
    /// Largest relative distance of a row's l_p error (of a simplex, Euclidean error) from its certified lower bound given V; 0 for projections; null in a sample of the
    /// columns, where nothing is certified.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)] public required double? LargestGap { get; init; }
    /// <summary>
    /// 1 - (sum_i c_i bound_i^p) / (sum_i c_i ||r_i||_p^p): no other U given V, in float32, has a (row-weighted) sum |r_ij|^p smaller
    /// by more than this share; null as above.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)] public double? SumGap { get; init; }
    /// <summary>The gap at which a row was done: as asked for, or the default of this p; absent for projections.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public double? Tolerance { get; init; }
    /// <summary>Rows that did not come within the tolerance before the regression's iterations ran out.</summary>
    public long RowsAboveTolerance { get; init; }
    public required int LewisRounds { get; init; }
    public required int CoresetRows { get; init; }
    public required int MergeIterations { get; init; }
    public required int RefineRounds { get; init; }
    /// <summary>Rounds of the joint fit; 0 for other fits.</summary>
    public int JointRounds { get; init; }
    /// <summary>What the joint rounds came to; absent for other fits.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public JointObjective? JointObjective { get; init; }
    public required double MeanRegressionIterations { get; init; }
    public required int Blocks { get; init; }
    /// <summary>Set with a target error: how the rank was found.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public RankSearch? Search { get; init; }
    /// <summary>Set with a target error: whether the stored factors meet it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public bool? TargetMet { get; init; }
}

/// <summary>Regressions in a sample of the columns.</summary>
/// <param name="Asked">m.</param>
/// <param name="Drawn">Columns drawn: m on average.</param>
/// <param name="ComparedRows">Rows, spread over the matrix, that were solved in all columns too.</param>
/// <param name="ErrorRatio">These rows' l_p error (row-weighted where weights are given) divided by what it is solved in all columns.</param>
/// <param name="ProjectedRows">Rows of the whole matrix that stayed projected: no step towards the sample's solution was better.</param>
/// <param name="Epsilon">
/// What the theory promises with m columns, log factors and constants left out: an error at most 1 + epsilon times the least, epsilon
/// = k / m for p above 1 and sqrt(k / m) at p = 1. It is no bound on <paramref name="ErrorRatio"/>.
/// </param>
/// <param name="ColumnsForOnePercent">The m at which that is 0.01.</param>
public sealed record ActiveColumnsReport(int Asked, int Drawn, long ComparedRows, double ErrorRatio, long ProjectedRows, double Epsilon, long ColumnsForOnePercent);

/// <summary>Rows that are stored as they are.</summary>
/// <param name="Count">m.</param>
/// <param name="Passes">Over the input, to find them: 1, the scan, or 2.</param>
public sealed record ExactRowsReport(long Count, int Passes);

/// <summary>Several subspaces, for each row the nearest.</summary>
/// <param name="Count">J.</param>
/// <param name="Restarts">Starts on the row sample.</param>
/// <param name="Sizes">Rows in each, J.</param>
public sealed record SubspacesReport(int Count, int Restarts, ImmutableArray<long> Sizes);

/// <summary>Rows as mixtures of k vertices.</summary>
/// <param name="Smoothing">Share of the rows that a vertex is the mean of.</param>
/// <param name="Averaged">Rows that is.</param>
/// <param name="Refined">Rounds that moved the vertices since.</param>
/// <param name="Archetypes">Of each vertex, in the order of V's rows, the rows with the largest weight on it, largest first.</param>
public sealed record SimplexReport(double Smoothing, long Averaged, int Refined, ImmutableArray<ImmutableArray<NearRow>> Archetypes);

/// <summary>A row near a vertex.</summary>
/// <param name="Row">Counted from 0.</param>
/// <param name="Weight">Its weight on the vertex, from 0 to 1.</param>
public sealed record NearRow(long Row, double Weight)
{
    /// <summary>Its name; absent where no vocabulary has one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public string? Word { get; init; }
}

/// <summary>A block Krylov iteration.</summary>
/// <param name="BlockSize">Vectors of the first block.</param>
/// <param name="Passes">Passes over the matrix, the scan's included and that for U not.</param>
/// <param name="Dimensions">Of the space V was cut from.</param>
/// <param name="Bound">What the iteration knew of ||A - UV||_F / ||A||_F: at most this, row-weighted where weights were given.</param>
/// <param name="LastGain">Share of the bound that the last pass took off; 1 where there was one.</param>
public sealed record KrylovReport(int BlockSize, int Passes, int Dimensions, double Bound, double LastGain);

/// <summary>Errors in a column metric H, of (A - UV) H^(1/2): what was minimised.</summary>
public sealed record MetricReport
{
    /// <summary>SHA-256 of the metric's file.</summary>
    public required string Sha256 { get; init; }
    /// <summary>Eigenvalues of H that count: less than d for a singular metric.</summary>
    public required int Rank { get; init; }
    /// <summary>Errors of the factors as stored.</summary>
    public required Errors Errors { get; init; }
    /// <summary>Errors of the SVD of A H^(1/2) at the same rank, before rounding.</summary>
    public required Errors Svd { get; init; }
    public required double RelativeLp { get; init; }
    public required double RelativeFrobenius { get; init; }
    /// <summary>Frobenius error, in the metric, of the SVD of A itself; absent with row weights.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public double? PlainSvdFrobenius { get; init; }
}

/// <summary>One budget for several tensors.</summary>
/// <param name="Elements">Elements that factors and tensors kept whole may have together.</param>
/// <param name="Used">Elements they have.</param>
/// <param name="KeptWhole">Tensors that are kept whole; they are among <see cref="JobReport.Untouched"/>.</param>
/// <param name="Objective">Sum of the tensors' squared <see cref="TensorReport.AllottedError"/>, which <see cref="Jobs.RankAllotment"/> minimised.</param>
public sealed record BudgetReport(long Elements, long Used, ImmutableArray<string> KeptWhole, double Objective);

/// <summary>One file of the input or output and its SHA-256 (lower-case hexadecimal).</summary>
/// <param name="Path">Relative to its directory, with slashes.</param>
public sealed record FileHash(string Path, long Bytes, string Sha256);

/// <summary>Who did what when.</summary>
/// <param name="Spans">Stretches of work, by their beginnings.</param>
/// <param name="Restarts">Seconds at which a later run went on with the job.</param>
public sealed record TimelineReport(ImmutableArray<WorkSpan> Spans, ImmutableArray<double> Restarts);

/// <summary>The contents of clusterlp.json and of <c>--json</c>.</summary>
public sealed record JobReport
{
    public const int CurrentVersion = 1;
    public int Version { get; init; } = CurrentVersion;
    public required string JobId { get; init; }
    public required string Tool { get; init; }
    public required Jobs.JobSpec Parameters { get; init; }
    public required ImmutableArray<TensorReport> Tensors { get; init; }
    /// <summary>Set where tensors shared a budget.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public BudgetReport? Budget { get; init; }
    /// <summary>Tensors that hold the data of a compressed one, and have the same factors under names of their own.</summary>
    public ImmutableArray<Jobs.TiedTensor> Ties { get; init; } = [];
    /// <summary>The model's config.json says that its LM head is its embedding.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public bool TiesWordEmbeddings { get; init; }
    public required ImmutableArray<Jobs.SkippedTensor> Untouched { get; init; }
    public required ImmutableArray<FileHash> Inputs { get; init; }
    public required ImmutableArray<FileHash> Outputs { get; init; }
    /// <summary>Other files of the model's directory, copied as they are.</summary>
    public ImmutableArray<FileHash> Carried { get; init; } = [];
    public required JobTimes Seconds { get; init; }
    /// <summary>Workers connected when the job ended.</summary>
    public required int Workers { get; init; }
    /// <summary>Times a block that nobody held any more had to be handed out again.</summary>
    public int Retries { get; init; }
    /// <summary>Times a slow block was handed out to a second worker too; the first result counted.</summary>
    public int Speculative { get; init; }
    /// <summary>Who did what when; absent in reports of before it was recorded.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public TimelineReport? Timeline { get; init; }
    /// <summary>Kernel set and factorisation library used.</summary>
    public required string Kernels { get; init; }
    public required string Factorisations { get; init; }
}
