using System.Numerics;
using System.Runtime.CompilerServices;
using ClusterLp.Core.Coresets;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.Sketches;

/// <summary>
/// A sketch of the spectrum of a matrix A with too many columns for its Gram matrix: (A T)^T (A T), m x m, where T (d x m) has
/// entries +-1/sqrt(s), one of each row in each of s equal bands of columns. <see cref="ResidualCurve"/> estimates from it what the
/// best approximations of A leave, for many ranks at once.
/// </summary>
/// <remarks>
/// The sketches of residual errors by Li, Lin and Woodruff (arXiv 2408.08494, section 3) are bilinear, S A T. Where rows arrive whole, as
/// here, nothing is gained by S: the sum over rows of (T^T a)(T^T a)^T takes half of the memory of a square A T of that
/// many columns and errs on one side only. Sketches of blocks of rows add up to that of all rows. T is a function of seed, tensor and
/// column. Immutable and thread-safe.
/// </remarks>
public sealed class ResidualSketch
{
    /// <summary>m by default; docs/methods/residual-sketches.md has what others do.</summary>
    public const int DefaultSize = 512;

    /// <summary>s by default.</summary>
    public const int DefaultBands = 8;

    // Apart from the draws of every other step.
    private const ulong Stream = 0x7265_7369_6475_0001;

    // Gram.AccumulateUpper takes rows in parts of so many.
    private const int Tile = 256;

    // Rows that are projected together: two registers of 256 bits.
    private const int Lanes = 8;

    // Twice the place among m, plus 1 for a minus, s after s.
    private readonly int[] _choices;

    /// <param name="columns">d, 1 or more.</param>
    /// <param name="seed">The job's seed.</param>
    /// <param name="tensor">Index of the tensor in the job.</param>
    /// <param name="size">m, a multiple of s.</param>
    /// <param name="bands">s, 2 or more.</param>
    public ResidualSketch(int columns, ulong seed, int tensor, int size = DefaultSize, int bands = DefaultBands)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(bands, 2);
        if (size < bands || size % bands != 0)
            throw new ArgumentException($"{size} columns do not make {bands} equal bands", nameof(size));
        (Columns, Size, Bands) = (columns, size, bands);
        _choices = new int[checked(columns * bands)];
        int band = size / bands;
        for (int i = 0; i < _choices.Length; i++)
            _choices[i] = 2 * band * (i % bands) + (int)(RowSampler.Uniform(seed ^ Stream, tensor, i) * (2.0 * band));
    }

    /// <summary>d.</summary>
    public int Columns { get; }

    /// <summary>m.</summary>
    public int Size { get; }

    /// <summary>s.</summary>
    public int Bands { get; }

    /// <summary>
    /// Adds the sketch of some rows to the upper triangle of <paramref name="gram"/> (m x m row-major float64). O(count (s d + m^2)).
    /// The bits depend on neither instruction set nor threads, but on where calls cut the rows, unless at multiples of 256.
    /// </summary>
    /// <param name="rows">count x d row-major.</param>
    /// <param name="count">Rows.</param>
    /// <param name="weights">Weight of each row's square, or empty for all ones.</param>
    /// <param name="gram">The sum.</param>
    public void Add(ReadOnlySpan<float> rows, int count, ReadOnlySpan<double> weights, Span<double> gram)
    {
        if (rows.Length < (long)count * Columns)
            throw new ArgumentException($"{rows.Length} values are not {count} rows of {Columns} columns", nameof(rows));
        var tile = new double[Math.Min(Tile, count) * Size];
        var lanes = new double[Lanes * Size];
        for (int first = 0; first < count; first += Tile)
        {
            int height = Math.Min(Tile, count - first);
            using (KernelClock.Measure(KernelKind.Gram))
                for (int i = 0; i < height; i += Lanes)
                    Project(rows[((first + i) * Columns)..], Math.Min(Lanes, height - i), lanes, tile.AsSpan(i * Size));
            AddTile(tile, height, weights.IsEmpty ? weights : weights.Slice(first, height), gram);
        }
    }

    /// <summary>The same of rows by their entries, to the same bits. O(s entries + count m^2).</summary>
    /// <inheritdoc cref="Add(ReadOnlySpan{float}, int, ReadOnlySpan{double}, Span{double})"/>
    public void Add(SparseRows rows, ReadOnlySpan<double> weights, Span<double> gram)
    {
        var tile = new double[Math.Min(Tile, rows.Count) * Size];
        for (int first = 0; first < rows.Count; first += Tile)
        {
            int height = Math.Min(Tile, rows.Count - first);
            using (KernelClock.Measure(KernelKind.Gram))
                for (int i = 0; i < height; i++)
                    Project(rows.ColumnsOf(first + i), rows.ValuesOf(first + i), tile.AsSpan(i * Size, Size));
            AddTile(tile, height, weights.IsEmpty ? weights : weights.Slice(first, height), gram);
        }
    }

    /// <summary>sqrt(s) T^T of up to <see cref="Lanes"/> rows, in parallel lanes; each sum takes the columns in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Project(ReadOnlySpan<float> rows, int count, double[] lanes, Span<double> projected)
    {
        Array.Clear(lanes);
        Span<double> entry = stackalloc double[2 * Lanes];
        for (int column = 0; column < Columns; column++)
        {
            for (int i = 0; i < count; i++)
            {
                double value = rows[i * Columns + column];
                (entry[i], entry[Lanes + i]) = (value, -value);
            }
            foreach (int choice in _choices.AsSpan(column * Bands, Bands))
            {
                ReadOnlySpan<double> signed = entry.Slice((choice & 1) * Lanes, Lanes);
                Span<double> sum = lanes.AsSpan((choice >> 1) * Lanes, Lanes);
                for (int i = 0; i < Lanes; i += Vector<double>.Count)
                    (new Vector<double>(sum[i..]) + new Vector<double>(signed[i..])).CopyTo(sum[i..]);
            }
        }
        for (int i = 0; i < count; i++)
            for (int j = 0; j < Size; j++)
                projected[i * Size + j] = lanes[j * Lanes + i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Project(ReadOnlySpan<int> columns, ReadOnlySpan<float> values, Span<double> projected)
    {
        projected.Clear();
        for (int e = 0; e < columns.Length; e++)
            foreach (int choice in _choices.AsSpan(columns[e] * Bands, Bands))
                projected[choice >> 1] += (choice & 1) == 0 ? values[e] : -(double)values[e];
    }

    /// <summary>Adds the Gram matrix of projected rows, brought within float32's range by a power of two.</summary>
    private void AddTile(ReadOnlySpan<double> tile, int height, ReadOnlySpan<double> weights, Span<double> gram)
    {
        double largest = 0;
        foreach (double value in tile[..(height * Size)])
            largest = Math.Max(largest, Math.Abs(value));
        if (largest == 0)
            return;
        int exponent = Math.ILogB(largest);
        double unit = Math.ScaleB(1, -exponent);
        var rounded = new float[height * Size];
        for (int i = 0; i < rounded.Length; i++)
            rounded[i] = (float)(tile[i] * unit);
        var scaled = new double[height];
        for (int i = 0; i < height; i++)
            scaled[i] = Math.ScaleB((weights.IsEmpty ? 1 : weights[i]) / Bands, 2 * exponent);
        Gram.AccumulateUpper(rounded, height, Size, scaled, gram);
    }
}
