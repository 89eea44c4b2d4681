using System.Runtime.CompilerServices;

namespace ClusterLp.Core.Kernels;

/// <summary>Vectors across a panel, known when a kernel is compiled.</summary>
internal interface IPanelWidth
{
    static abstract int Vectors { get; }
}

internal readonly struct OneVector : IPanelWidth { public static int Vectors => 1; }
internal readonly struct TwoVectors : IPanelWidth { public static int Vectors => 2; }
internal readonly struct ThreeVectors : IPanelWidth { public static int Vectors => 3; }

/// <summary>How a left tile of some rows lies in memory: where the next row is, and the next step of the inner index.</summary>
internal interface ILeftLayout
{
    static abstract int RowStride(int rows);
    static abstract int StepStride(int rows);
}

/// <summary>Row by row, rows <see cref="Blocking.Depth"/> apart (GEMM).</summary>
internal readonly struct ByRows : ILeftLayout
{
    public static int RowStride(int rows) => Blocking.Depth;
    public static int StepStride(int rows) => 1;
}

/// <summary>Step by step, the tile's rows side by side (Gram).</summary>
internal readonly struct BySteps : ILeftLayout
{
    public static int RowStride(int rows) => 1;
    public static int StepStride(int rows) => rows;
}

/// <summary>
/// The register-blocked microkernel: a tile of C, TileRows x (vectors x lanes), stays in registers while it sums
/// a[r * RowStride + t * StepStride] * b[t * width + j] over t in increasing order, one fused multiply-add chain an entry.
/// 8 x 3 vectors take 28 of the 32 AVX-512 registers, 4 x 3 all 16 of AVX2.
/// </summary>
internal static unsafe class TileKernel<T, V, TLanes, TLayout>
    where T : unmanaged
    where V : struct
    where TLanes : struct, ILanes<T, V>
    where TLayout : struct, ILeftLayout
{
    /// <summary>Runs the kernel for a panel of <paramref name="vectors"/> vectors, 1 to 3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run(int vectors, T* a, T* b, T* c, nint ldc, int depth, bool add)
    {
        if (vectors == 3)
            Run<ThreeVectors>(a, b, c, ldc, depth, add);
        else if (vectors == 2)
            Run<TwoVectors>(a, b, c, ldc, depth, add);
        else
            Run<OneVector>(a, b, c, ldc, depth, add);
    }

    /// <summary>
    /// C = sums, or C += sums. <paramref name="a"/>: the left tile; <paramref name="b"/>: the panel, depth x width;
    /// <paramref name="c"/>: TileRows x width with leading dimension <paramref name="ldc"/>.
    /// </summary>
    // Optimised at once: tier 0 would run the first (often only) large product.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TWidth>(T* a, T* b, T* c, nint ldc, int depth, bool add) where TWidth : struct, IPanelWidth
    {
        V c00 = default, c01 = default, c02 = default;
        V c10 = default, c11 = default, c12 = default;
        V c20 = default, c21 = default, c22 = default;
        V c30 = default, c31 = default, c32 = default;
        V c40 = default, c41 = default, c42 = default;
        V c50 = default, c51 = default, c52 = default;
        V c60 = default, c61 = default, c62 = default;
        V c70 = default, c71 = default, c72 = default;
        int stride = TLayout.RowStride(TLanes.TileRows);
        for (; depth > 0; depth--)
        {
            V b0 = TLanes.Load(b);
            V b1 = TWidth.Vectors > 1 ? TLanes.Load(b + TLanes.Count) : default;
            V b2 = TWidth.Vectors > 2 ? TLanes.Load(b + 2 * TLanes.Count) : default;
            b += TWidth.Vectors * TLanes.Count;
            Row<TWidth>(a, b0, b1, b2, ref c00, ref c01, ref c02);
            Row<TWidth>(a + 1 * stride, b0, b1, b2, ref c10, ref c11, ref c12);
            Row<TWidth>(a + 2 * stride, b0, b1, b2, ref c20, ref c21, ref c22);
            Row<TWidth>(a + 3 * stride, b0, b1, b2, ref c30, ref c31, ref c32);
            if (TLanes.TileRows > 4)
            {
                Row<TWidth>(a + 4 * stride, b0, b1, b2, ref c40, ref c41, ref c42);
                Row<TWidth>(a + 5 * stride, b0, b1, b2, ref c50, ref c51, ref c52);
                Row<TWidth>(a + 6 * stride, b0, b1, b2, ref c60, ref c61, ref c62);
                Row<TWidth>(a + 7 * stride, b0, b1, b2, ref c70, ref c71, ref c72);
            }
            a += TLayout.StepStride(TLanes.TileRows);
        }
        Write<TWidth>(c, c00, c01, c02, add);
        Write<TWidth>(c + ldc, c10, c11, c12, add);
        Write<TWidth>(c + 2 * ldc, c20, c21, c22, add);
        Write<TWidth>(c + 3 * ldc, c30, c31, c32, add);
        if (TLanes.TileRows > 4)
        {
            Write<TWidth>(c + 4 * ldc, c40, c41, c42, add);
            Write<TWidth>(c + 5 * ldc, c50, c51, c52, add);
            Write<TWidth>(c + 6 * ldc, c60, c61, c62, add);
            Write<TWidth>(c + 7 * ldc, c70, c71, c72, add);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row<TWidth>(T* a, V b0, V b1, V b2, ref V c0, ref V c1, ref V c2) where TWidth : struct, IPanelWidth
    {
        V left = TLanes.Broadcast(a);
        c0 = TLanes.FusedMultiplyAdd(left, b0, c0);
        if (TWidth.Vectors > 1)
            c1 = TLanes.FusedMultiplyAdd(left, b1, c1);
        if (TWidth.Vectors > 2)
            c2 = TLanes.FusedMultiplyAdd(left, b2, c2);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write<TWidth>(T* to, V c0, V c1, V c2, bool add) where TWidth : struct, IPanelWidth
    {
        WriteVector(to, c0, add);
        if (TWidth.Vectors > 1)
            WriteVector(to + TLanes.Count, c1, add);
        if (TWidth.Vectors > 2)
            WriteVector(to + 2 * TLanes.Count, c2, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WriteVector(T* to, V value, bool add) => TLanes.Store(to, add ? TLanes.Add(TLanes.Load(to), value) : value);
}
