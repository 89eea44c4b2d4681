using System.Runtime.CompilerServices;

namespace ClusterLp.Core.Kernels;

/// <summary>
/// Arrays that a thread uses again: what is allocated anew for every block or reduction is memory touched for the first time, page by
/// page.
/// </summary>
internal static class KeptArray
{
    // Larger ones are not held on to: where d is that large, what is done with them takes far longer than getting them.
    private const int MostBytes = 32 << 20;

    /// <summary>
    /// The beginning of the array kept, made anew where it is too short, with whatever was left in it. Pinned, which is a heap of its
    /// own: the collector lets garbage grow with what survives beside it.
    /// </summary>
    /// <param name="kept">Where it is kept.</param>
    /// <param name="length">Elements.</param>
    public static Memory<T> AtLeast<T>(ref T[]? kept, int length) where T : unmanaged
    {
        if (kept is null || kept.Length < length)
            kept = GC.AllocateUninitializedArray<T>(length, pinned: true);
        return kept.AsMemory(0, length);
    }

    /// <summary>An array of this length with anything in it: the one kept, where it has that length.</summary>
    /// <param name="kept">The thread's field for it.</param>
    /// <param name="length">Elements.</param>
    public static T[] Of<T>(ref T[]? kept, int length) where T : unmanaged
    {
        if (kept?.Length == length)
            return kept;
        T[] made = GC.AllocateUninitializedArray<T>(length, pinned: true);
        kept = (long)length * Unsafe.SizeOf<T>() <= MostBytes ? made : null;
        return made;
    }
}
