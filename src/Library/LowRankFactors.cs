namespace ClusterLp;

/// <summary>The error of a factorisation, by four measures, in the matrix' own units.</summary>
/// <param name="Lp">(sum |r_ij|^p)^(1/p).</param>
/// <param name="L1">sum |r_ij|.</param>
/// <param name="Frobenius">(sum r_ij^2)^(1/2).</param>
/// <param name="LargestRow">Largest Euclidean norm of a row of r.</param>
public sealed record LowRankErrors(double Lp, double L1, double Frobenius, double LargestRow);

/// <summary>A, n x d, is about U V. Immutable.</summary>
public sealed class LowRankFactors
{
    internal LowRankFactors(int rows, int columns, int rank, double p) => (Rows, Columns, Rank, P) = (rows, columns, rank, p);

    /// <summary>n.</summary>
    public int Rows { get; }

    /// <summary>d.</summary>
    public int Columns { get; }

    /// <summary>k.</summary>
    public int Rank { get; }

    /// <summary>p that was minimised: the one asked for, or the one chosen.</summary>
    public double P { get; }

    /// <summary>n x k, row-major.</summary>
    public required ReadOnlyMemory<float> U { get; init; }

    /// <summary>k x d, row-major, rows orthonormal up to rounding.</summary>
    public required ReadOnlyMemory<float> V { get; init; }

    /// <summary>Of these factors.</summary>
    public required LowRankErrors Errors { get; init; }

    /// <summary>Of the singular value decomposition at the same rank, to compare with.</summary>
    public required LowRankErrors SvdErrors { get; init; }

    /// <summary>Row <paramref name="row"/> of U V.</summary>
    /// <param name="row">0-based.</param>
    /// <param name="destination">Takes d numbers.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such row.</exception>
    /// <exception cref="ArgumentException">Too little room.</exception>
    public void Reconstruct(int row, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, Rows);
        if (destination.Length < Columns)
            throw new ArgumentException($"room for {destination.Length} numbers; a row has {Columns}.", nameof(destination));
        ReadOnlySpan<float> u = U.Span.Slice(row * Rank, Rank), v = V.Span;
        for (int j = 0; j < Columns; j++)
        {
            double sum = 0;
            for (int i = 0; i < Rank; i++)
                sum += (double)u[i] * v[i * Columns + j];
            destination[j] = (float)sum;
        }
    }
}
