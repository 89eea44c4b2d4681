using System.Numerics;
using System.Runtime.CompilerServices;
using ClusterLp.Core.Coresets;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;

namespace ClusterLp.Core.Sketches;

/// <summary>
/// OSNAP: a random m x n matrix S with s entries +-1/sqrt(s) in each column, one in each of s equal bands of rows, so that
/// ||S A x|| is about ||A x|| for all x at once (Nelson and Nguyen 2013; that m = O(d) is enough with few entries: Chenakkod,
/// Derezinski, Dong and Rudelson, arXiv 2311.10680). Column i is a function of seed, tensor and i: blocks of rows are sketched
/// without knowing of each other, and their sketches add up to that of all rows.
/// </summary>
/// <remarks>
/// A sketch S A is m x d float64 in panels of <see cref="PanelColumns"/> columns, one after the other and each row-major, so that
/// a panel stays in the second-level cache while a block's rows are added to it. Immutable and thread-safe.
/// </remarks>
public sealed class SparseEmbedding
{
    /// <summary>s by default: see docs/methods/sparse-embeddings.md for what others do.</summary>
    public const int DefaultNonzeros = 4;

    /// <summary>m / d by default.</summary>
    public const int DefaultRowsPerColumn = 2;

    /// <summary>m at least: few columns scatter more, and cost little.</summary>
    public const int LeastRows = 512;

    /// <summary>Columns that are added together.</summary>
    public const int PanelColumns = 64;

    // Apart from the draws of the coreset and of the sketched Lewis weights.
    private const ulong Stream = 0x6F73_6E61_7000_0001;

    private readonly ulong _seed;
    private readonly int _tensor, _band;
    private readonly double _size;

    /// <param name="columns">d, 1 or more.</param>
    /// <param name="seed">The job's seed.</param>
    /// <param name="tensor">Index of the tensor in the job.</param>
    /// <param name="rowsPerColumn">m / d, 2 or more, before m is raised to <see cref="LeastRows"/> and rounded up to a multiple of s.</param>
    /// <param name="nonzeros">s, 1 or more.</param>
    public SparseEmbedding(int columns, ulong seed, int tensor, int rowsPerColumn = DefaultRowsPerColumn, int nonzeros = DefaultNonzeros)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(rowsPerColumn, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(nonzeros, 1);
        long wanted = Math.Max(LeastRows, (long)rowsPerColumn * columns);
        _band = checked((int)((wanted + nonzeros - 1) / nonzeros));
        (_seed, _tensor, _size) = (seed ^ Stream, tensor, 1 / Math.Sqrt(nonzeros));
        (Columns, Nonzeros, Rows) = (columns, nonzeros, checked(_band * nonzeros));
    }

    /// <summary>d.</summary>
    public int Columns { get; }

    /// <summary>m.</summary>
    public int Rows { get; }

    /// <summary>s.</summary>
    public int Nonzeros { get; }

    /// <summary>m d, numbers of a sketch.</summary>
    public int Length => checked(Rows * Columns);

    /// <summary>
    /// Adds S F A of some rows to a sketch, F being diagonal. O(s count d). Every entry is a chain of fused
    /// multiply-adds over the rows in order: the bits do not depend on the instruction set, nor on where calls cut the rows.
    /// </summary>
    /// <param name="rows">count x d row-major.</param>
    /// <param name="count">Rows.</param>
    /// <param name="firstRow">The first one's place in the matrix.</param>
    /// <param name="factors">f_i, or empty for all ones.</param>
    /// <param name="sketch">m d, as described above.</param>
    public void Add(ReadOnlySpan<float> rows, int count, long firstRow, ReadOnlySpan<double> factors, Span<double> sketch)
    {
        if (rows.Length < (long)count * Columns || sketch.Length < Length || !factors.IsEmpty && factors.Length < count)
            throw new ArgumentException($"{rows.Length} values, {factors.Length} factors and {sketch.Length} sums do not fit {count} rows of {Columns} columns");
        using var clock = KernelClock.Measure(KernelKind.Gram);
        (int[] places, double[] entries) = Draw(firstRow, count, factors);
        Span<double> wide = stackalloc double[PanelColumns];
        for (int from = 0; from < Columns; from += PanelColumns)
        {
            int width = Math.Min(PanelColumns, Columns - from);
            Span<double> panel = sketch.Slice(from * Rows, width * Rows), row = wide[..width];
            for (int i = 0; i < count; i++)
            {
                Widen(rows.Slice(i * Columns + from, width), row);
                for (int j = i * Nonzeros; j < (i + 1) * Nonzeros; j++)
                    FusedVectors.AddScaled(panel.Slice(places[j] * width, width), entries[j], row);
            }
        }
    }

    /// <summary>The same of rows by their entries, to the same bits but for signs of zeros. O(s (count + entries)).</summary>
    /// <inheritdoc cref="Add(ReadOnlySpan{float}, int, long, ReadOnlySpan{double}, Span{double})"/>
    public void Add(SparseRows rows, long firstRow, ReadOnlySpan<double> factors, Span<double> sketch)
    {
        if (sketch.Length < Length || !factors.IsEmpty && factors.Length < rows.Count)
            throw new ArgumentException($"{factors.Length} factors and {sketch.Length} sums do not fit {rows.Count} rows of {Columns} columns");
        using var clock = KernelClock.Measure(KernelKind.Gram);
        (int[] places, double[] entries) = Draw(firstRow, rows.Count, factors);
        for (int i = 0; i < rows.Count; i++)
        {
            ReadOnlySpan<int> columns = rows.ColumnsOf(i);
            ReadOnlySpan<float> values = rows.ValuesOf(i)[..columns.Length];
            for (int e = 0; e < columns.Length; e++)
            {
                int from = columns[e] / PanelColumns * PanelColumns, width = Math.Min(PanelColumns, Columns - from);
                Span<double> column = sketch[(from * Rows + columns[e] - from)..];
                for (int j = i * Nonzeros; j < (i + 1) * Nonzeros; j++)
                {
                    ref double sum = ref column[places[j] * width];
                    sum = Math.FusedMultiplyAdd(entries[j], values[e], sum);
                }
            }
        }
    }

    /// <summary>
    /// (S A)^T S A times m / (m - d - 1), which makes the inverse right on average where S is Gaussian, d x d float64, both triangles.
    /// O(m d^2); the bits do not depend on the threads.
    /// </summary>
    public double[] Gram(ReadOnlySpan<double> sketch, int threads, CancellationToken cancellation)
    {
        const int strip = 64;
        int d = Columns, m = Rows;
        var transposed = new double[checked(d * m)];
        for (int from = 0; from < d; from += PanelColumns)
        {
            int width = Math.Min(PanelColumns, d - from);
            ReadOnlySpan<double> panel = sketch.Slice(from * m, width * m);
            for (int i = 0; i < m; i++)
                for (int j = 0; j < width; j++)
                    transposed[(from + j) * m + i] = panel[i * width + j];
        }
        var right = PackedMatrix<double>.FromTransposed(transposed, m, d);
        var gram = new double[d * d];
        FixedPartition.For((d + strip - 1) / strip, threads, cancellation, part =>
        {
            int top = part * strip, height = Math.Min(strip, d - top);
            Gemm.Multiply(transposed.AsSpan(top * m), m, height, right, gram.AsSpan(top * d), d);
        });
        double unbias = m / (m - d - 1.0);
        foreach (ref double value in gram.AsSpan())
            value *= unbias;
        return gram;
    }

    /// <summary>Columns [firstRow, firstRow + count) of S, times f_i: row and value of each entry, s after s.</summary>
    private (int[] Rows, double[] Values) Draw(long firstRow, int count, ReadOnlySpan<double> factors)
    {
        var rows = new int[count * Nonzeros];
        var values = new double[rows.Length];
        for (int i = 0; i < count; i++)
        {
            double size = factors.IsEmpty ? _size : factors[i] * _size;
            for (int j = 0; j < Nonzeros; j++)
            {
                // The last bit of 2 _band choices is the sign.
                int choice = (int)(RowSampler.Uniform(_seed, _tensor, (firstRow + i) * Nonzeros + j) * (2.0 * _band));
                rows[i * Nonzeros + j] = j * _band + choice / 2;
                values[i * Nonzeros + j] = choice % 2 == 0 ? size : -size;
            }
        }
        return (rows, values);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Widen(ReadOnlySpan<float> from, Span<double> to)
    {
        int j = 0;
        for (; j + Vector<float>.Count <= from.Length; j += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(from[j..]), out Vector<double> low, out Vector<double> high);
            low.CopyTo(to[j..]);
            high.CopyTo(to[(j + Vector<double>.Count)..]);
        }
        for (; j < from.Length; j++)
            to[j] = from[j];
    }
}
