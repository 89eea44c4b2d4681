namespace ClusterLp.Core.Kernels;

/// <summary>
/// The right operand of a product, B (inner x columns), packed once into the panels the GEMM reads and reused for every
/// row tile. Immutable after packing; thread-safe. Takes about as much memory as B.
/// </summary>
/// <remarks>
/// Layout: blocks of <see cref="Blocking.Depth"/> inner indices; in a block one panel after the other, each depth x width
/// row-major. Panels are three vectors wide, the last one to three, padded with zeros.
/// </remarks>
/// <typeparam name="T">float or double.</typeparam>
public sealed unsafe class PackedMatrix<T> where T : unmanaged
{
    // Pinned: the aligned start must stay where it is.
    private readonly T[] _data;
    private readonly T* _start;

    /// <summary>Rows of B (the summed index).</summary>
    public int Inner { get; }

    /// <summary>Columns of B.</summary>
    public int Columns { get; }

    /// <summary>The kernels it is packed for.</summary>
    public KernelSet Kernels { get; }

    /// <summary>Whether entries below the diagonal are taken as zero and skipped.</summary>
    public bool IsUpperTriangular { get; }

    /// <summary>Columns of a full panel.</summary>
    internal int PanelColumns { get; }

    /// <summary>Columns with the padding of the last panel.</summary>
    internal int PaddedColumns { get; }

    private PackedMatrix(int inner, int columns, bool upperTriangular, KernelSet kernels)
    {
        if (typeof(T) != typeof(float) && typeof(T) != typeof(double))
            throw new NotSupportedException($"packed matrices hold float or double, not {typeof(T).Name}");
        ArgumentOutOfRangeException.ThrowIfNegative(inner);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        int lanes = Blocking.Lanes<T>(kernels);
        (Inner, Columns, IsUpperTriangular, Kernels) = (inner, columns, upperTriangular, kernels);
        PanelColumns = Blocking.PanelVectors * lanes;
        PaddedColumns = checked((columns + lanes - 1) / lanes * lanes);
        _data = GC.AllocateArray<T>(Blocking.WithSlack<T>(checked(inner * PaddedColumns)), pinned: true);
        fixed (T* data = _data)
            _start = Blocking.Align(data);
    }

    /// <summary>Packs B given row-major, inner x columns. O(inner columns).</summary>
    /// <param name="b">At least inner * columns values.</param>
    /// <param name="upperTriangular">B[t, j] is zero for t &gt; j: those entries are not read and their products skipped.
    /// For finite A the result is that of explicit zeros (but for the sign of a zero).</param>
    /// <param name="kernels">The kernels to pack for; null: <see cref="KernelSets.Active"/>.</param>
    public static PackedMatrix<T> FromRows(ReadOnlySpan<T> b, int inner, int columns, bool upperTriangular = false, KernelSet? kernels = null)
    {
        var packed = new PackedMatrix<T>(inner, columns, upperTriangular, kernels ?? KernelSets.Active);
        packed.Fill(b, columns, 1);
        return packed;
    }

    /// <summary>Packs B given as its transpose, row-major, columns x inner. Otherwise as <see cref="FromRows"/>.</summary>
    public static PackedMatrix<T> FromTransposed(
        ReadOnlySpan<T> transposed, int inner, int columns, bool upperTriangular = false, KernelSet? kernels = null)
    {
        var packed = new PackedMatrix<T>(inner, columns, upperTriangular, kernels ?? KernelSets.Active);
        packed.Fill(transposed, 1, inner);
        return packed;
    }

    /// <summary>The panel that begins at <paramref name="column"/>, in the block that begins at <paramref name="innerFrom"/>.</summary>
    internal T* Panel(int innerFrom, int column) =>
        _start + (nint)innerFrom * PaddedColumns + (nint)Math.Min(Blocking.Depth, Inner - innerFrom) * column;

    /// <summary>Inner indices of a panel's block that can be non-zero.</summary>
    internal int PanelDepth(int innerFrom, int column)
    {
        int depth = Math.Min(Blocking.Depth, Inner - innerFrom);
        return IsUpperTriangular ? Math.Clamp(Math.Min(column + PanelColumns, Columns) - innerFrom, 0, depth) : depth;
    }

    private void Fill(ReadOnlySpan<T> b, int rowStride, int columnStride)
    {
        using var clock = KernelClock.Measure(KernelKind.Product);
        if (b.Length < (long)Inner * Columns)
            throw new ArgumentException($"a {Inner} x {Columns} matrix needs {(long)Inner * Columns} values, {b.Length} were given", nameof(b));
        for (int from = 0; from < Inner; from += Blocking.Depth)
            for (int column = 0; column < Columns; column += PanelColumns)
            {
                T* to = Panel(from, column);
                int width = Math.Min(PanelColumns, PaddedColumns - column);
                int filled = Math.Min(width, Columns - column);
                int depth = PanelDepth(from, column);
                for (int t = from; t < from + depth; t++, to += width)
                    for (int j = IsUpperTriangular ? Math.Max(0, t - column) : 0; j < filled; j++)
                        to[j] = b[t * rowStride + (column + j) * columnStride];
            }
    }
}
