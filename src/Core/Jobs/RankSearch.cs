using System.Collections.Immutable;

namespace ClusterLp.Core.Jobs;

/// <summary>What the first rank for a target error was found from.</summary>
public enum RankSource
{
    /// <summary>The eigenvalues of the Gram matrix: exact at p = 2, but for the factors' rounding.</summary>
    Gram,
    /// <summary>Regressions of the scan's row sample on the SVD's V.</summary>
    Sample,
}

/// <summary>How a rank was found for a target error.</summary>
/// <param name="From">What the first try rests on.</param>
/// <param name="SampleRows">Rows of the sample; all rows count for <see cref="RankSource.Gram"/>.</param>
/// <param name="Tries">Ranks tried, in order; the last is the factors'.</param>
public sealed record RankSearch(RankSource From, long SampleRows, ImmutableArray<RankTry> Tries);

/// <summary>One rank that was factorised.</summary>
/// <param name="Rank">k.</param>
/// <param name="Expected">The relative error it was expected to have.</param>
/// <param name="Measured">The relative error of the stored factors on all rows; null until they are there.</param>
public sealed record RankTry(int Rank, double Expected, double? Measured = null);
