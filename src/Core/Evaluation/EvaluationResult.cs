using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace ClusterLp.Core.Evaluation;

/// <summary>One figure of the compressed layer, and the same of the SVD of its rank.</summary>
public sealed record Fidelity(double Ours, double Svd);

/// <summary>Rows that are used about equally often.</summary>
public sealed record BandFidelity
{
    /// <summary>Frequency ranks of the band, counted from 1, both ends included.</summary>
    public required long FromRank { get; init; }
    public required long ToRank { get; init; }
    /// <summary>sqrt(sum ||a - b||^2 / sum ||a||^2), b being a row of the compressed layer.</summary>
    public required Fidelity RelativeError { get; init; }
    /// <summary>Mean over rows of cos(a, b), rows of zeros left out.</summary>
    public required Fidelity MeanCosine { get; init; }
    public required Fidelity LeastCosine { get; init; }
    /// <summary>Mean over rows of ||b|| / ||a||: below 1, rows have become shorter.</summary>
    public required Fidelity MeanNormRatio { get; init; }
    /// <summary>Queries that are rows of this band.</summary>
    public required int Queries { get; init; }
    /// <summary>Mean neighbour overlap of those; absent without queries.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public Fidelity? Overlap { get; init; }
}

/// <summary>A row that compression changed most.</summary>
/// <param name="Row">Its index, from 0.</param>
/// <param name="Rank">Its frequency rank, from 1.</param>
/// <param name="Token">Its name; null where no vocabulary has one.</param>
/// <param name="RelativeError">||a - b|| / ||a||.</param>
/// <param name="Cosine">cos(a, b).</param>
public sealed record WorstRow(long Row, long Rank, string? Token, Fidelity RelativeError, Fidelity Cosine);

/// <summary>What the layer's outputs on given inputs lose.</summary>
/// <param name="Inputs">m, rows of X.</param>
/// <param name="RelativeError">||X A^T - X (UV)^T||_F / ||X A^T||_F, X being m x d and A n x d.</param>
public sealed record OutputFidelity(long Inputs, Fidelity RelativeError);

/// <summary>One layer, compressed, against itself.</summary>
public sealed record LayerFidelity
{
    public required string Name { get; init; }
    public required long Rows { get; init; }
    public required int Columns { get; init; }
    public required int Rank { get; init; }
    public required double P { get; init; }
    public required string Method { get; init; }
    /// <summary>Which SVD stands beside it: <c>plain</c>, or of the rows as weighted, or in the column metric, as the job's was.</summary>
    public required string Baseline { get; init; }
    /// <summary>Rows of zeros: they have no direction, and are left out but for the relative error.</summary>
    public required long ZeroRows { get; init; }
    /// <summary>Rows whose neighbours were looked for.</summary>
    public required int Queries { get; init; }
    /// <summary>Mean over queries of the share of their nearest rows, by cosine, that are the same before and after.</summary>
    public required Fidelity Overlap { get; init; }
    public required Fidelity RelativeError { get; init; }
    public required ImmutableArray<BandFidelity> Bands { get; init; }
    /// <summary>Largest relative error first.</summary>
    public required ImmutableArray<WorstRow> Worst { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public OutputFidelity? Output { get; init; }
}

/// <summary>What <c>evaluate</c> found.</summary>
public sealed record EvaluationResult
{
    public required string Output { get; init; }
    public required string Against { get; init; }
    public required ulong Seed { get; init; }
    /// <summary>Neighbours compared, at most.</summary>
    public int Neighbours { get; init; } = NeighbourSearch.Most;
    /// <summary>The file rows are ranked by; absent: the row's index is taken for its frequency rank.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public string? Frequencies { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public string? Activations { get; init; }
    public required ImmutableArray<LayerFidelity> Layers { get; init; }
}
