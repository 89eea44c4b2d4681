using System.IO.Hashing;
using System.Runtime.InteropServices;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.Jobs;

/// <summary>
/// XxHash3 of what a block reads of the input, by which every later stage sees that it reads what the scan read. Taken of
/// decoded values, so that it does not depend on the file's format but for being dense or sparse.
/// </summary>
/// <param name="Rows">Of the float32 entries, unscaled, row-major; of a sparse source, of the stored ones, their columns and the rows' lengths.</param>
/// <param name="Weights">Of the float64 row weights; all ones where none are given.</param>
public sealed record InputChecksums(ulong Rows, ulong Weights)
{
    public static ulong Of<T>(ReadOnlySpan<T> values) where T : unmanaged => XxHash3.HashToUInt64(MemoryMarshal.AsBytes(values));

    public static ulong Of(SparseRows rows)
    {
        var hash = new XxHash3();
        hash.Append(MemoryMarshal.AsBytes(rows.Starts));
        hash.Append(MemoryMarshal.AsBytes(rows.Columns));
        hash.Append(MemoryMarshal.AsBytes(rows.Values));
        return hash.GetCurrentHashAsUInt64();
    }
}
