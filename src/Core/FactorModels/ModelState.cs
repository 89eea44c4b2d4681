using System.Collections.Immutable;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.FactorModels;

/// <summary>How far a model's own rounds have come.</summary>
/// <param name="Step">What the round that is due computes, in the model's own words.</param>
/// <param name="Round">Rounds reduced so far.</param>
public sealed record ModelState(string Step, int Round)
{
    /// <summary>What every block reads.</summary>
    public ImmutableArray<BlobRef> Shared { get; init; } = [];

    /// <summary>What each block wrote in an earlier round and reads in this one, in block order; empty: nothing.</summary>
    public ImmutableArray<BlobRef> Own { get; init; } = [];

    /// <summary>Small numbers the blocks or a later reduction need.</summary>
    public ImmutableArray<double> Numbers { get; init; } = [];

    /// <summary>Blobs that only a reduction or the output reads.</summary>
    public ImmutableArray<BlobRef> Kept { get; init; } = [];

    /// <summary>What block <paramref name="block"/> needs of it.</summary>
    public ModelRound Of(int block) => new(Step, Shared, Own.IsEmpty ? null : Own[block], Numbers);

    /// <summary>All blobs a later stage needs.</summary>
    internal IEnumerable<BlobRef> Blobs => Shared.Concat(Own).Concat(Kept);

    /// <summary>The stage of the round that is due.</summary>
    internal StageId Stage => new(StageKind.Model, Round);
}

/// <summary>What a block needs of a model's round, or of its fit when the block is encoded.</summary>
/// <param name="Step">What to compute, in the model's own words.</param>
/// <param name="Shared">What every block reads.</param>
/// <param name="Own">What this block wrote in an earlier round.</param>
/// <param name="Numbers">Small numbers.</param>
public sealed record ModelRound(string Step, ImmutableArray<BlobRef> Shared, BlobRef? Own, ImmutableArray<double> Numbers);
