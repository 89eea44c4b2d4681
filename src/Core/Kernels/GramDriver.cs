using System.Buffers;
using System.Runtime.CompilerServices;

namespace ClusterLp.Core.Kernels;

/// <summary>
/// The loops around the microkernel for A^T W A: a block of rows is converted to float64 once, as right panels (a) and as
/// left tiles (w a), then every tile on or above the diagonal is updated.
/// </summary>
internal static unsafe class GramDriver<V, TLanes>
    where V : struct
    where TLanes : struct, ILanes<double, V>
{
    private const int PackedRows = 16;

    private static int PanelColumns => Blocking.PanelVectors * TLanes.Count;

    /// <summary>See <see cref="Gram.AccumulateUpper"/>; <paramref name="w"/> may be null.</summary>
    [SkipLocalsInit]
    public static void Run(float* a, int count, int d, double* w, double* gram)
    {
        int panelColumns = RoundUp(d, PanelColumns), tileColumns = RoundUp(d, TLanes.TileRows);
        double[] rented = ArrayPool<double>.Shared.Rent(Blocking.WithSlack<double>(checked((panelColumns + tileColumns) * Blocking.Depth)));
        double* overhang = stackalloc double[Blocking.LargestTile];
        fixed (double* scratch = rented)
        {
            double* panels = Blocking.Align(scratch), tiles = panels + (nint)panelColumns * Blocking.Depth;
            for (int from = 0; from < count; from += Blocking.Depth)
            {
                int depth = Math.Min(Blocking.Depth, count - from);
                float* block = a + (nint)from * d;
                Pack(block, d, depth, PanelColumns, null, panels);
                Pack(block, d, depth, TLanes.TileRows, w == null ? null : w + from, tiles);
                Update(panels, tiles, depth, d, gram, overhang);
            }
        }
        ArrayPool<double>.Shared.Return(rented);
    }

    /// <summary>A strip of left tiles stays in the second-level cache while every panel right of it passes.</summary>
    private static void Update(double* panels, double* tiles, int depth, int d, double* gram, double* overhang)
    {
        for (int top = 0; top < d; top += Blocking.StripRows)
        {
            int bottom = Math.Min(d, top + Blocking.StripRows);
            for (int column = top / PanelColumns * PanelColumns; column < d; column += PanelColumns)
            {
                int filled = Math.Min(PanelColumns, d - column);
                double* panel = panels + (nint)column * Blocking.Depth;
                for (int row = top; row < Math.Min(bottom, column + filled); row += TLanes.TileRows)
                {
                    double* tile = tiles + (nint)row * Blocking.Depth;
                    double* to = gram + (nint)row * d + column;
                    if (row + TLanes.TileRows <= column && filled == PanelColumns)
                    {
                        TileKernel<double, V, TLanes, BySteps>.Run(Blocking.PanelVectors, tile, panel, to, d, depth, true);
                        continue;
                    }
                    TileKernel<double, V, TLanes, BySteps>.Run(Blocking.PanelVectors, tile, panel, overhang, PanelColumns, depth, false);
                    for (int i = 0; i < TLanes.TileRows && row + i < d; i++)
                        for (int j = Math.Max(0, row + i - column); j < filled; j++)
                            to[(nint)i * d + j] += overhang[i * PanelColumns + j];
                }
            }
        }
    }

    /// <summary>
    /// Cuts a block's d columns into groups of <paramref name="width"/> and writes each as depth x width, converted and
    /// times its row's weight, groups <see cref="Blocking.Depth"/> rows apart; zeros beyond column d. A few rows at a time:
    /// as many streams as the processor follows.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pack(float* a, int d, int depth, int width, double* w, double* to)
    {
        for (int from = 0; from < depth; from += PackedRows)
        {
            int rows = Math.Min(PackedRows, depth - from);
            double* group = to + (nint)from * width;
            for (int column = 0; column < d; column += width, group += (nint)width * Blocking.Depth)
                PackGroup(a + (nint)from * d + column, d, rows, width, Math.Min(width, d - column), w == null ? null : w + from, group);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackGroup(float* row, int d, int rows, int width, int filled, double* w, double* group)
    {
        for (int t = 0; t < rows; t++, row += d, group += width)
        {
            double weight = w == null ? 1 : w[t];
            V scale = TLanes.Broadcast(&weight);
            int j = 0;
            for (; j + TLanes.Count <= filled; j += TLanes.Count)
                TLanes.Store(group + j, TLanes.Multiply(scale, TLanes.Convert(row + j)));
            for (; j < filled; j++)
                group[j] = weight * row[j];
            for (; j < width; j++)
                group[j] = 0;
        }
    }

    private static int RoundUp(int value, int multiple) => checked((value + multiple - 1) / multiple * multiple);
}
