using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.Formats;

/// <summary>A matrix whose file holds its nonzeros alone; methods that promise time in their number read it so.</summary>
/// <remarks>Reads are thread-safe.</remarks>
public interface ISparseSource : IMatrixSource
{
    /// <summary>Stored entries of the whole matrix: explicit zeros and repeated ones count.</summary>
    long Stored { get; }

    /// <summary>
    /// Reads rows [<paramref name="firstRow"/>, firstRow + count) in place of what <paramref name="rows"/> held; the same numbers
    /// as <see cref="IMatrixSource.ReadRows"/> gives. O(count + their stored entries).
    /// </summary>
    /// <exception cref="ClusterLpException">An entry lies outside the matrix, or the file ended early or cannot be read.</exception>
    void ReadRows(long firstRow, int count, SparseRows rows);
}
