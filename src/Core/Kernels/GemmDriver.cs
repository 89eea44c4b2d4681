using System.Buffers;
using System.Runtime.CompilerServices;

namespace ClusterLp.Core.Kernels;

/// <summary>
/// The loops around the microkernel: for each strip of rows and inner block, that part of A is copied (and converted) so that
/// it lies together, then every panel of B meets every tile of it. A panel is read from the outer caches once a strip, and
/// the strip of C stays in the inner ones.
/// </summary>
internal static unsafe class GemmDriver<T, V, TLanes>
    where T : unmanaged
    where V : struct
    where TLanes : struct, ILanes<T, V>
{
    /// <summary>C = A B or C += A B; see <see cref="Gemm"/>. Pointers need no alignment. A: float, or as C.</summary>
    [SkipLocalsInit]
    public static void Run<TFrom>(TFrom* a, int lda, int m, PackedMatrix<T> b, T* c, int ldc, bool accumulate)
        where TFrom : unmanaged
    {
        if (b.Inner == 0 && !accumulate)
            for (int i = 0; i < m; i++)
                new Span<T>(c + (nint)i * ldc, b.Columns).Clear();

        T[] rented = ArrayPool<T>.Shared.Rent(Blocking.WithSlack<T>(Blocking.StripRows * Blocking.Depth));
        T* overhang = stackalloc T[Blocking.LargestTile];
        fixed (T* scratch = rented)
        {
            T* strip = Blocking.Align(scratch);
            for (int top = 0; top < m; top += Blocking.StripRows)
            {
                int rows = Math.Min(Blocking.StripRows, m - top);
                for (int from = 0; from < b.Inner; from += Blocking.Depth)
                {
                    CopyStrip(a + (nint)top * lda + from, lda, rows, Math.Min(Blocking.Depth, b.Inner - from), strip);
                    MultiplyStrip(strip, rows, b, from, c + (nint)top * ldc, ldc, accumulate || from > 0, overhang);
                }
            }
        }
        ArrayPool<T>.Shared.Return(rented);
        GC.KeepAlive(b);
    }

    private static void MultiplyStrip(T* strip, int rows, PackedMatrix<T> b, int from, T* c, int ldc, bool add, T* overhang)
    {
        for (int column = 0; column < b.Columns; column += b.PanelColumns)
        {
            T* panel = b.Panel(from, column);
            int depth = b.PanelDepth(from, column);
            if (depth == 0)
                continue;
            int width = Math.Min(b.PanelColumns, b.PaddedColumns - column);
            int vectors = width / TLanes.Count;
            int filled = Math.Min(width, b.Columns - column);
            for (int row = 0; row < rows; row += TLanes.TileRows)
            {
                T* left = strip + (nint)row * Blocking.Depth;
                T* to = c + (nint)row * ldc + column;
                int tall = Math.Min(TLanes.TileRows, rows - row);
                if (tall == TLanes.TileRows && filled == width)
                {
                    TileKernel<T, V, TLanes, ByRows>.Run(vectors, left, panel, to, ldc, depth, add);
                    continue;
                }
                TileKernel<T, V, TLanes, ByRows>.Run(vectors, left, panel, overhang, width, depth, false);
                for (int i = 0; i < tall; i++)
                    AddRow(overhang + i * width, to + (nint)i * ldc, filled, add);
            }
        }
    }

    private static void AddRow(T* from, T* to, int count, bool add)
    {
        if (!add)
            new ReadOnlySpan<T>(from, count).CopyTo(new Span<T>(to, count));
        else if (typeof(T) == typeof(float))
            for (int j = 0; j < count; j++)
                ((float*)to)[j] += ((float*)from)[j];
        else
            for (int j = 0; j < count; j++)
                ((double*)to)[j] += ((double*)from)[j];
    }

    /// <summary>Copies rows x depth of A into rows <see cref="Blocking.Depth"/> apart, and zeros to fill the last tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyStrip<TFrom>(TFrom* a, int lda, int rows, int depth, T* strip) where TFrom : unmanaged
    {
        for (int row = 0; row < rows; row++, a += lda, strip += Blocking.Depth)
        {
            if (typeof(TFrom) == typeof(double))
            {
                new ReadOnlySpan<TFrom>(a, depth).CopyTo(new Span<TFrom>(strip, depth));
                continue;
            }
            float* from = (float*)a;
            int t = 0;
            for (; t + TLanes.Count <= depth; t += TLanes.Count)
                TLanes.Store(strip + t, TLanes.Convert(from + t));
            for (; t < depth; t++)
                strip[t] = TLanes.Convert(from[t]);
        }
        for (int row = rows; row % TLanes.TileRows != 0; row++, strip += Blocking.Depth)
            new Span<T>(strip, depth).Clear();
    }
}
