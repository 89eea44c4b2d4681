using System.Collections.Immutable;
using System.Text.Json.Serialization;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.Jobs;

/// <summary>
/// One matrix to factorise, as it is fitted: n = <see cref="Rows"/>, d = <see cref="Columns"/>, k = <see cref="Rank"/>
/// (null until the scan has chosen it from <see cref="TargetError"/>, or all scans from <see cref="SharedBudget"/>).
/// </summary>
public sealed record TensorPlan
{
    public required int Index { get; init; }
    public required string Name { get; init; }
    public required long Rows { get; init; }
    public required int Columns { get; init; }
    /// <summary>The tensor is wide, and what is fitted is its transpose (<see cref="PlannedMatrix"/>): the factors trade places.</summary>
    public bool Transposed { get; init; }
    public required ElementType InputType { get; init; }
    public required ElementType FactorType { get; init; }
    public required int BlockRows { get; init; }
    public int? Rank { get; init; }
    public double? TargetError { get; init; }
    /// <summary>Elements that all tensors of the job may have together, as factors or kept whole; null where ranks do not depend on other tensors.</summary>
    public long? SharedBudget { get; init; }
    public required double P { get; init; }
    /// <summary>The scan's reduction chooses p (<see cref="FitState.Power"/>); <see cref="P"/> says nothing until then.</summary>
    public bool AutoP { get; init; }
    /// <inheritdoc cref="JobSpec.Tolerance"/>
    public double? Tolerance { get; init; }
    public required Method Method { get; init; }
    public required Fit Fit { get; init; }
    public required ulong Seed { get; init; }
    /// <summary>Model path as workers open it.</summary>
    public required string Input { get; init; }
    /// <summary>Row weight file as workers open it, or null.</summary>
    public string? RowWeights { get; init; }
    /// <summary>Column metric file as the coordinator, which alone reads it, opens it; or null.</summary>
    public string? ColumnMetric { get; init; }

    /// <inheritdoc cref="JobSpec.ExactRows"/>
    public double? ExactRows { get; init; }
    /// <inheritdoc cref="JobSpec.ActiveColumns"/>
    public int? ActiveColumns { get; init; }
    /// <inheritdoc cref="JobSpec.Embedding"/>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] public Embedding Embedding { get; init; }

    /// <inheritdoc cref="JobSpec.Subspaces"/>
    public int? Subspaces { get; init; }

    /// <inheritdoc cref="JobSpec.Restarts"/>
    public int? Restarts { get; init; }

    /// <inheritdoc cref="JobSpec.Smoothing"/>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public double? Smoothing { get; init; }

    /// <inheritdoc cref="JobSpec.Refine"/>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public int? Refine { get; init; }

    /// <inheritdoc cref="JobSpec.Passes"/>
    public int? Passes { get; init; }

    /// <inheritdoc cref="JobSpec.BlockSize"/>
    public int? BlockSize { get; init; }

    /// <summary>Vectors of the first block of <see cref="Method.Krylov"/> at rank k: some more than k, which a random start needs; at most d.</summary>
    public int BlockVectors(int rank) => Math.Min(Columns, Math.Max(rank, BlockSize ?? rank + Math.Max(10, rank / 4)));

    /// <summary>The tensor's own shape.</summary>
    [JsonIgnore]
    public (long Rows, long Columns) Shape => Transposed ? (Columns, Rows) : (Rows, Columns);

    /// <summary>Whether the rows are many enough for V to be fitted on a sample of them first, where p below 2 asks for more than the SVD.</summary>
    [JsonIgnore]
    public bool AllowsCoreset => Subspaces is null && Method == Method.Lp && Fit is (Fit.Auto or Fit.Coreset) && Rows >= 20L * Columns;

    /// <summary>Whether it then is, whatever the scan finds of the rows.</summary>
    [JsonIgnore]
    public bool AsksForCoreset => AllowsCoreset && (Fit == Fit.Coreset || Embedding == Embedding.Sparse);

    public BlockPartition Partition => new(Rows, BlockRows);

    /// <summary>This plan with the p the fit has chosen, if it has.</summary>
    public TensorPlan Settled(FitState fit) => AutoP && fit.Power is { } chosen ? this with { P = chosen.P } : this;
}

/// <summary>Everything a job does, fixed before the first block is computed.</summary>
public sealed record JobPlan(JobId Id, JobSpec Spec, ImmutableArray<TensorPlan> Tensors, ImmutableArray<SkippedTensor> Skipped)
{
    /// <summary>Tensors that hold the data of a planned one and get its factors.</summary>
    public ImmutableArray<TiedTensor> Ties { get; init; } = [];

    /// <summary>The model's config.json says that its LM head is its embedding.</summary>
    public bool TiesWordEmbeddings { get; init; }
}

/// <summary>A tensor that is carried over untouched, and why (for the report).</summary>
public sealed record SkippedTensor(string Name, string Reason);
