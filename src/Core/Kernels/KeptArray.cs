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
