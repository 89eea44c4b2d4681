using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using ClusterLp.Core.Kernels;

namespace ClusterLp.SparseBench;

/// <summary>A random CSR matrix: every entry is nonzero with one probability, and uniform in [-1, 1) then.</summary>
internal sealed class RandomRows
{
    private readonly int _columnCount;
    private readonly List<int> _pointers = [0], _columns = [];
    private readonly List<float> _values = [];

    public RandomRows(int rows, int columns, double density, int seed)
    {
        _columnCount = columns;
        var random = new Random(seed);
        for (int i = 0; i < rows; i++, _pointers.Add(_columns.Count))
            // The gap to the next nonzero is geometric.
            for (double at = Gap(); at < columns; at += 1 + Gap())
            {
                _columns.Add((int)at);
                _values.Add((float)(2 * random.NextDouble() - 1));
            }

        double Gap() => density >= 1 ? 0 : Math.Floor(Math.Log(1 - random.NextDouble()) / Math.Log(1 - density));
    }

    public int Rows => _pointers.Count - 1;

    public long Entries => _columns.Count;

    public SparseRows Read()
    {
        var rows = new SparseRows();
        (int[] columns, float[] values) = rows.Begin(Rows, _columns.Count);
        _columns.CopyTo(columns);
        _values.CopyTo(values);
        for (int i = 0; i < Rows; i++)
            rows.End(_pointers[i + 1]);
        return rows;
    }

    /// <summary>As numpy.save writes the full matrix.</summary>
    public void WriteDense(string path)
    {
        using FileStream file = File.Create(path);
        file.Write(Header("<f4", $"({Rows}, {_columnCount})"));
        var row = new float[_columnCount];
        for (int i = 0; i < Rows; i++)
        {
            Array.Clear(row);
            for (int e = _pointers[i]; e < _pointers[i + 1]; e++)
                row[_columns[e]] = _values[e];
            file.Write(MemoryMarshal.AsBytes<float>(row));
        }
    }

    /// <summary>As scipy.sparse.save_npz writes it.</summary>
    public void WriteSparse(string path, CompressionLevel level)
    {
        using FileStream file = File.Create(path);
        using var archive = new ZipArchive(file, ZipArchiveMode.Create);
        Member("indices", Header("<i4", $"({Entries},)"), MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_columns)));
        Member("indptr", Header("<i4", $"({Rows + 1},)"), MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_pointers)));
        Member("format", Header("|S3", "()"), "csr"u8);
        Member("shape", Header("<i8", "(2,)"), MemoryMarshal.AsBytes<long>([Rows, _columnCount]));
        Member("data", Header("<f4", $"({Entries},)"), MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_values)));

        void Member(string name, byte[] header, ReadOnlySpan<byte> data)
        {
            using Stream entry = archive.CreateEntry(name + ".npy", level).Open();
            entry.Write(header);
            entry.Write(data);
        }
    }

    public static byte[] Header(string type, string shape)
    {
        string text = $"{{'descr': '{type}', 'fortran_order': False, 'shape': {shape}, }}".PadRight(117) + "\n";
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)text.Length, 0, .. Encoding.ASCII.GetBytes(text)];
    }
}
