using System.Runtime.Intrinsics;

namespace ClusterLp.Core.Kernels;

/// <summary>Sizes of the blocks products are cut into.</summary>
internal static unsafe class Blocking
{
    /// <summary>
    /// Inner indices per block. Part of the result's definition (a block's sums are rounded before they are added to the
    /// earlier ones), hence the same for every kernel set.
    /// </summary>
    public const int Depth = 256;

    /// <summary>Vectors across a full panel of B.</summary>
    public const int PanelVectors = 3;

    /// <summary>Rows of A that share one reading of B from the outer caches; a multiple of every tile height.</summary>
    public const int StripRows = 128;

    /// <summary>Entries of the largest tile of C, for the tiles that overhang its edge: 8 rows of 3 float32 vectors.</summary>
    public const int LargestTile = 8 * PanelVectors * 16;

    /// <summary>Alignment of packed data: a vector load never straddles cache lines.</summary>
    public const int Alignment = 64;

    /// <summary>Elements of a vector of <typeparamref name="T"/> in a kernel set.</summary>
    public static int Lanes<T>(KernelSet set) where T : unmanaged => set switch
    {
        KernelSet.Avx512 => Vector512<byte>.Count / sizeof(T),
        KernelSet.Avx2 => Vector256<byte>.Count / sizeof(T),
        _ => 1,
    };

    /// <summary>The first aligned address at or after a pointer.</summary>
    public static T* Align<T>(T* pointer) where T : unmanaged => (T*)(((nuint)pointer + Alignment - 1) & ~(nuint)(Alignment - 1));

    /// <summary>Elements to allocate so that <paramref name="count"/> remain after alignment.</summary>
    public static int WithSlack<T>(int count) where T : unmanaged => checked(count + Alignment / sizeof(T));
}
