namespace ClusterLp.Core.Jobs;

/// <summary>How the rank k of an n x d matrix follows from the share of its elements to save.</summary>
/// <remarks>A is n d elements, U and V together k (n + d): k = floor((1 - c) n d / (n + d)), at least 1 (DESIGN 1).</remarks>
public static class RankRule
{
    /// <summary>k for compression <paramref name="compression"/> in (0, 1); 50265 x 768 at 0.28 gives 544.</summary>
    /// <param name="rows">n, 1 or more.</param>
    /// <param name="columns">d, 1 or more.</param>
    /// <param name="compression">c, the share of elements saved at least (unless k = 1 saves less).</param>
    public static int FromCompression(long rows, int columns, double compression)
    {
        // Without the slack, 1 - 0.9 = 0.0999... would cost a rank wherever the quotient is whole.
        const double slack = 1e-9;
        double rank = (1 - compression) * ((double)rows * columns / ((double)rows + columns));
        return (int)Math.Max(1, Math.Floor(rank + slack));
    }

    /// <summary>The largest k whose factors have fewer elements than the matrix; 0 where there is none.</summary>
    public static int Largest(long rows, int columns)
    {
        Int128 elements = (Int128)rows * columns;
        return (int)((elements - 1) / (rows + columns));
    }
}
