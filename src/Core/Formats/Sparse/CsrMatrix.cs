using System.Globalization;
using ClusterLp.Core.Formats.Zip;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.Formats.Sparse;

/// <summary>
/// A sparse matrix by rows (CSR), a .npz of scipy.sparse.save_npz. Rows may lie in any order of columns, and repeated entries
/// are summed in the file's type, as scipy sums them.
/// </summary>
internal sealed class CsrMatrix : ISparseSource
{
    // What is read at once: some 3 MiB.
    private const int EntriesAtOnce = 1 << 18;

    // Eight bytes each, they are read as one array.
    private const int MostEntries = int.MaxValue / sizeof(long);

    [ThreadStatic] private static SparseRows? _rows;
    [ThreadStatic] private static long[]? _pointers;

    private readonly Shared _arrays;
    private readonly CsrEntries _entries;
    private readonly string _path;
    private int _disposed;

    public string Name { get; }
    public long Rows => _arrays.Value.Rows;
    public int Columns => _arrays.Value.Columns;
    public long Stored => _arrays.Value.Stored;

    private CsrMatrix(Shared arrays, string path, string name)
    {
        (_path, Name, _entries) = (path, name, arrays.Value.Entries());
        _arrays = arrays.Add();
    }

    /// <summary>Takes over <paramref name="file"/>, also where it throws.</summary>
    /// <exception cref="ClusterLpException">Not such an archive (exit 65), or there is no room to decompress its row pointers (73).</exception>
    public static IModel Open(InputFile file)
    {
        CsrArrays? arrays = null;
        try
        {
            arrays = new CsrArrays(file, Members(file));
            string name = Path.GetFileNameWithoutExtension(file.Path);
            var info = new TensorInfo(name, arrays.Type, [arrays.Rows, arrays.Columns], arrays.ByteLength);
            var shared = new Shared(arrays);
            return new SingleMatrixModel(file, info, () => new CsrMatrix(shared, file.Path, name), owned: shared);
        }
        catch
        {
            arrays?.Dispose();
            file.Dispose();
            throw;
        }
    }

    public void ReadRows(long firstRow, int count, Span<float> destination)
    {
        RowRange.Check(this, firstRow, count, destination.Length);
        SparseRows rows = _rows ??= new SparseRows();
        long[] pointers = Pointers(firstRow, count);
        for (int done = 0, next; done < count; done = next)
        {
            next = done + 1;
            while (next < count && pointers[next + 1] - pointers[done] <= EntriesAtOnce)
                next++;
            Read(firstRow + done, pointers.AsSpan(done, next - done + 1), rows);
            rows.WriteTo(destination.Slice(done * Columns, (next - done) * Columns), Columns);
        }
    }

    public void ReadRows(long firstRow, int count, SparseRows rows)
    {
        RowRange.Check(this, firstRow, count);
        Read(firstRow, Pointers(firstRow, count).AsSpan(0, count + 1), rows);
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            _arrays.Dispose();
    }

    private static List<ZipMember> Members(InputFile file)
    {
        bool isArrays = file.Path.EndsWith(".npz", StringComparison.OrdinalIgnoreCase);
        try
        {
            List<ZipMember> members = ZipDirectory.Read(file);
            if (isArrays || members.Exists(member => member.Name == "format.npy"))
                return members.Exists(member => member.Name == "format.npy") ? members : throw file.Bad(
                    "the archive has no member format.npy; expected a sparse matrix of scipy.sparse.save_npz (of an archive of dense arrays, save one as .npy).");
        }
        catch (ClusterLpException e) when (!isArrays && e.Code == ExitCode.BadInput)
        {
            // No archive at all, or none that says it is one of arrays.
        }
        throw file.Bad("this is a zip archive, such as a PyTorch checkpoint; convert it to safetensors first.");
    }

    // Rows + 1 of them, checked again, since the file may have changed; valid until this thread's next call.
    private long[] Pointers(long firstRow, int count)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        if (_pointers is null || _pointers.Length < count + 1)
            _pointers = new long[count + 1];
        CsrIntegers pointers = _arrays.Value.Pointers;
        pointers.Read(firstRow, _pointers.AsSpan(0, count + 1));
        for (int i = 0; i <= count; i++)
            if (_pointers[i] < 0 || _pointers[i] > Stored || i > 0 && _pointers[i] < _pointers[i - 1])
                throw pointers.File.Bad($"the row pointers from row {firstRow} on are not those that were read when the file was opened.");
        return _pointers;
    }

    private void Read(long firstRow, ReadOnlySpan<long> pointers, SparseRows rows)
    {
        long first = pointers[0], stored = pointers[^1] - first;
        if (stored > MostEntries)
            throw _entries.Columns.File.Bad($"rows {firstRow} to {firstRow + pointers.Length - 2} have {stored} entries together; at most {MostEntries} can be read at once.");
        (int[] columns, float[] values) = rows.Begin(pointers.Length - 1, (int)stored);
        _entries.Columns.Read(first, columns.AsSpan(0, (int)stored));
        _entries.ReadValues(first, values.AsSpan(0, (int)stored));
        int kept = 0;
        for (int i = 0; i < pointers.Length - 1; i++)
        {
            int from = (int)(pointers[i] - first), length = (int)(pointers[i + 1] - pointers[i]);
            Span<int> at = columns.AsSpan(from, length);
            bool ascending = true;
            int before = -1;
            foreach (int column in at)
            {
                if ((uint)column >= (uint)Columns)
                    throw Outside(firstRow + i, pointers[i], length);
                ascending &= column > before;
                before = column;
            }
            if (!ascending)
                length = Tidy(pointers[i], at, values.AsSpan(from, length));
            if (kept < from)
            {
                columns.AsSpan(from, length).CopyTo(columns.AsSpan(kept));
                values.AsSpan(from, length).CopyTo(values.AsSpan(kept));
            }
            rows.End(kept += length);
        }
    }

    /// <summary>Sorts a row's entries, sums those of one column in the file's order, and says how many are left.</summary>
    private int Tidy(long first, Span<int> columns, Span<float> values)
    {
        var order = new long[columns.Length];
        for (int e = 0; e < order.Length; e++)
            order[e] = (long)columns[e] << 32 | (uint)e;
        order.AsSpan().Sort();
        var read = values.ToArray();
        double[]? wide = null;
        int kept = 0;
        for (int e = 0; e < order.Length;)
        {
            int column = (int)(order[e] >> 32), entry = (int)order[e];
            float sum = read[entry];
            if (e + 1 < order.Length && (int)(order[e + 1] >> 32) == column && _entries.Type == ElementType.F64)
            {
                if (wide is null)
                    _entries.ReadValues(first, wide = new double[order.Length]);
                double exact = wide[entry];
                for (e++; e < order.Length && (int)(order[e] >> 32) == column; e++)
                    exact += wide[(int)order[e]];
                sum = (float)exact;
            }
            else
                for (e++; e < order.Length && (int)(order[e] >> 32) == column; e++)
                    sum += read[(int)order[e]];
            (columns[kept], values[kept++]) = (column, sum);
        }
        return kept;
    }

    private ClusterLpException Outside(long row, long first, int length)
    {
        var columns = new long[length];
        _entries.Columns.Read(first, columns);
        int at = Array.FindIndex(columns, column => column < 0 || column >= Columns);
        return _entries.Columns.File.Bad(string.Create(CultureInfo.InvariantCulture,
            $"entry {first + Math.Max(at, 0)}, of row {row} (counted from 0), lies in column {(at < 0 ? "?" : columns[at])}, but the matrix has {Columns} columns."));
    }

    /// <summary>The arrays of a file, closed by the last of their owners; the first is the model.</summary>
    private sealed class Shared(CsrArrays arrays) : IDisposable
    {
        private int _owners = 1;

        public CsrArrays Value => arrays;

        public Shared Add()
        {
            Interlocked.Increment(ref _owners);
            return this;
        }

        public void Dispose()
        {
            if (Interlocked.Decrement(ref _owners) == 0)
                arrays.Dispose();
        }
    }
}
