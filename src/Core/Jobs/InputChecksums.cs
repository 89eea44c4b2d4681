using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace ClusterLp.Core.Jobs;

/// <summary>
/// XxHash3 of what a block reads of the input, by which every later stage sees that it reads what the scan read. Taken of
/// decoded values, so that it does not depend on the file's format.
/// </summary>
/// <param name="Rows">Of the float32 entries, unscaled, row-major.</param>
/// <param name="Weights">Of the float64 row weights; all ones where none are given.</param>
public sealed record InputChecksums(ulong Rows, ulong Weights)
{
    public static ulong Of<T>(ReadOnlySpan<T> values) where T : unmanaged => XxHash3.HashToUInt64(MemoryMarshal.AsBytes(values));
}
