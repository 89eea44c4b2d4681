namespace ClusterLp.Core.Kernels;

/// <summary>
/// Some rows of a matrix as their entries: of each row the columns, ascending, each once, and the values, float32. What is
/// left out is zero. A buffer to be read into again and again; for one thread.
/// </summary>
public sealed class SparseRows
{
    private int[] _starts = [0];
    private int[] _columns = [];
    private float[] _values = [];

    /// <summary>Rows.</summary>
    public int Count { get; private set; }

    /// <summary>Entries of all rows.</summary>
    public int Entries => _starts[Count];

    /// <summary>Count + 1 offsets: row i has the entries [Starts[i], Starts[i + 1]).</summary>
    public ReadOnlySpan<int> Starts => _starts.AsSpan(0, Count + 1);

    /// <summary>Columns of all entries, row after row.</summary>
    public ReadOnlySpan<int> Columns => _columns.AsSpan(0, Entries);

    /// <summary>Values of all entries, row after row.</summary>
    public Span<float> Values => _values.AsSpan(0, Entries);

    /// <summary>Columns of row <paramref name="row"/>'s entries.</summary>
    public ReadOnlySpan<int> ColumnsOf(int row) => _columns.AsSpan(_starts[row], _starts[row + 1] - _starts[row]);

    /// <summary>Values of row <paramref name="row"/>'s entries.</summary>
    public ReadOnlySpan<float> ValuesOf(int row) => _values.AsSpan(_starts[row], _starts[row + 1] - _starts[row]);

    /// <summary>Writes the rows in full, Count x <paramref name="columns"/> row-major.</summary>
    public void WriteTo(Span<float> dense, int columns)
    {
        dense[..(Count * columns)].Clear();
        for (int i = 0; i < Count; i++)
        {
            Span<float> row = dense.Slice(i * columns, columns);
            ReadOnlySpan<float> values = ValuesOf(i);
            ReadOnlySpan<int> at = ColumnsOf(i);
            for (int e = 0; e < at.Length; e++)
                row[at[e]] = values[e];
        }
    }

    /// <summary>
    /// For a source that fills it: no rows yet, and room for <paramref name="entries"/> entries of <paramref name="rows"/> rows, to be written
    /// row after row, each of which <see cref="End"/> ends.
    /// </summary>
    public (int[] Columns, float[] Values) Begin(int rows, int entries)
    {
        if (_starts.Length < rows + 1)
            _starts = new int[rows + 1];
        if (_columns.Length < entries)
            (_columns, _values) = (GC.AllocateUninitializedArray<int>(entries), GC.AllocateUninitializedArray<float>(entries));
        Count = 0;
        return (_columns, _values);
    }

    /// <summary>The next row is what was written before entry <paramref name="entries"/> and after the rows before it.</summary>
    public void End(int entries) => _starts[++Count] = entries;
}
