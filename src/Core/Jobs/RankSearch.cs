using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace ClusterLp.Core.Jobs;

/// <summary>What the first rank for a target error was found from.</summary>
public enum RankSource
{
    /// <summary>The eigenvalues of the Gram matrix: exact at p = 2, but for the factors' rounding.</summary>
    Gram,
    /// <summary>Regressions of the scan's row sample on the SVD's V.</summary>
    Sample,
    /// <summary>A sketch of the matrix, and then what an iteration made for its rank found.</summary>
    Sketch,
}

/// <summary>How a rank was found for a target error.</summary>
/// <param name="From">What the first try rests on.</param>
/// <param name="SampleRows">Rows of the sample; all rows count for <see cref="RankSource.Gram"/> and <see cref="RankSource.Sketch"/>.</param>
/// <param name="Tries">Ranks tried, in order; the last is the factors'.</param>
public sealed record RankSearch(RankSource From, long SampleRows, ImmutableArray<RankTry> Tries)
{
    /// <summary>What the sketch said.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] public RankSketch? Sketch { get; init; }
}

/// <summary>The rank a sketch proposed, and how sure it was; errors are relative Frobenius errors of the best approximation of that rank.</summary>
/// <param name="Rank">The smallest whose estimate meets the target.</param>
/// <param name="Expected">Its estimate.</param>
/// <param name="Lower">Its lower bound; null beyond the ranks a sketch tells of.</param>
/// <param name="Upper">Its upper bound; null there.</param>
/// <param name="LeastRank">The smallest whose lower bound meets the target: no smaller one is likely to; null beyond.</param>
/// <param name="MostRank">The smallest whose upper bound does; null beyond.</param>
public sealed record RankSketch(int Rank, double Expected, double? Lower, double? Upper, int? LeastRank, int? MostRank);

/// <summary>One rank that was factorised.</summary>
/// <param name="Rank">k.</param>
/// <param name="Expected">The relative error it was expected to have.</param>
/// <param name="Measured">The relative error of the stored factors on all rows; null until they are there.</param>
public sealed record RankTry(int Rank, double Expected, double? Measured = null);
