namespace ClusterLp.Core.Formats;

/// <summary>One two-dimensional tensor of a model file, read in row blocks; the file is never read whole.</summary>
/// <remarks>Reads are thread-safe: workers of one process share a source.</remarks>
public interface IMatrixSource : IDisposable
{
    /// <summary>The tensor's name, as the model file spells it (for .npy: the file's stem).</summary>
    string Name { get; }

    /// <summary>n, the number of rows (tokens).</summary>
    long Rows { get; }

    /// <summary>d, the number of columns (features).</summary>
    int Columns { get; }

    /// <summary>
    /// Converts rows [<paramref name="firstRow"/>, firstRow + count) to float32, row-major, into
    /// <paramref name="destination"/> (count x d). NaN and infinities pass through unchanged; a float64 beyond
    /// float32's range becomes infinite (the scan reports both with row and column).
    /// </summary>
    /// <exception cref="ClusterLpException">The file ended early or cannot be read.</exception>
    void ReadRows(long firstRow, int count, Span<float> destination);

    /// <summary>
    /// The transposed matrix, d x n, over the same elements, which the caller disposes; null where the format cannot be read by
    /// columns. Best read many rows at a time.
    /// </summary>
    IMatrixSource? Transpose() => null;
}
