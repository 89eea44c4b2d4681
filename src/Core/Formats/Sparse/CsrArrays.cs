using ClusterLp.Core.Formats.Npy;
using ClusterLp.Core.Formats.Zip;

namespace ClusterLp.Core.Formats.Sparse;

/// <summary>
/// The members of a .npz as scipy.sparse.save_npz writes it: row pointers, checked; shape; and the columns and values of the
/// entries, which are decompressed where that is needed when the matrix is first opened. Thread-safe.
/// </summary>
internal sealed class CsrArrays : IDisposable
{
    // Of members whose headers are read before they are decompressed whole.
    private const int HeadBytes = 4096;

    private readonly InputFile _archive;
    private readonly ZipMember _columns, _values;
    private readonly Lock _lock = new();
    private CsrEntries? _entries;

    public long Rows { get; }
    public int Columns { get; }

    /// <summary>Entries, nnz: what the last row pointer says.</summary>
    public long Stored { get; }

    /// <summary>Of the entries; known without decompressing them.</summary>
    public ElementType Type { get; }

    /// <summary>n + 1, ascending from 0.</summary>
    public CsrIntegers Pointers { get; }

    /// <summary>Bytes of the entries' columns and values, decompressed.</summary>
    public long ByteLength => _columns.Length + _values.Length;

    /// <summary>Not taken over: <paramref name="archive"/>, which must stay open.</summary>
    /// <exception cref="ClusterLpException">Not a CSR matrix of floating numbers whose arrays agree (exit 65).</exception>
    public CsrArrays(InputFile archive, IReadOnlyList<ZipMember> members)
    {
        _archive = archive;
        ZipMember Member(string name) => members.Where(member => member.Name == name + ".npy").ToList() switch
        {
            [var only] => only,
            [] => throw archive.Bad($"the archive has no member {name}.npy: it is not a CSR matrix of scipy.sparse.save_npz."),
            _ => throw archive.Bad($"the archive has member {name}.npy twice."),
        };
        CheckFormat(archive, Member("format"));
        (Rows, Columns) = ReadShape(archive, Member("shape"));
        (_columns, _values) = (Member("indices"), Member("data"));
        // Whatever does not fit is refused before any of it is decompressed: it may be much larger than the archive.
        ZipMember pointerMember = Member("indptr");
        if (CountIn(archive, pointerMember, NpyKind.Integer, out _) is var count && count != Rows + 1)
            throw archive.Bad($"{pointerMember.Name}: there are {count} row pointers for {Rows} rows; expected {Rows + 1}.");
        (long columns, long values) = (CountIn(archive, _columns, NpyKind.Integer, out _), CountIn(archive, _values, NpyKind.Floating, out ElementType type));
        if (columns != values)
            throw archive.Bad($"there are {columns} column indices and {values} values; expected as many.");
        Type = type;
        InputFile pointers = pointerMember.Open(archive);
        try
        {
            Pointers = new CsrIntegers(pointers);
            Stored = CheckPointers();
            // scipy takes arrays longer than the last row pointer says.
            if (values < Stored)
                throw archive.Bad($"there are {columns} column indices and {values} values, and the row pointers end at {Stored}; expected as many.");
        }
        catch
        {
            pointers.Dispose();
            throw;
        }
    }

    /// <summary>Columns and values; the first call decompresses them where they are deflated.</summary>
    /// <exception cref="ClusterLpException">They are damaged, or not as many as the row pointers say (65); no room for them (73).</exception>
    public CsrEntries Entries()
    {
        lock (_lock)
            return _entries ??= CsrEntries.Open(_archive, _columns, _values, Stored);
    }

    public void Dispose()
    {
        Pointers.Dispose();
        lock (_lock)
            _entries?.Dispose();
    }

    /// <summary>The length of a one-dimensional array whose file holds it and no more.</summary>
    public static long CheckLength(InputFile file, NpyHeader header) => CheckLength(file, header, file.Length);

    private static long CheckLength(InputFile file, NpyHeader header, long length)
    {
        if (header.Shape.Length != 1)
            throw file.Bad($"the array has {header.Shape.Length} dimensions; expected one.");
        long count = header.Shape[0], held = length - header.DataOffset;
        return (Int128)count * header.Type.Size() == held
            ? count
            : throw file.Bad($"{count} elements of {header.Type} do not take the {held} bytes from offset {header.DataOffset} on.");
    }

    private static void CheckFormat(InputFile archive, ZipMember member)
    {
        using InputFile file = member.OpenStart(archive, HeadBytes);
        NpyHeader header = NpyHeader.Read(file, NpyKind.Text);
        const int longest = 64;
        byte[] text = file.ReadHeader(header.DataOffset, (int)Math.Min(longest, file.Length - header.DataOffset));
        string format = string.Concat(text.Where(character => character is > 32 and < 127).Select(character => (char)character));
        if (format != "csr")
            throw archive.Bad($"the sparse matrix is in format \"{format}\"; only rows can be read in blocks: save it with scipy.sparse.save_npz(FILE, matrix.tocsr()).");
    }

    private static (long, int) ReadShape(InputFile archive, ZipMember member)
    {
        using InputFile file = member.OpenStart(archive, HeadBytes);
        NpyHeader header = NpyHeader.Read(file, NpyKind.Integer);
        if (CheckLength(file, header) != 2)
            throw file.Bad($"the shape has {header.Shape[0]} numbers; expected rows and columns.");
        using var integers = new CsrIntegers(file.Share());
        Span<long> shape = stackalloc long[2];
        integers.Read(0, shape);
        return shape[0] < 0 || shape[1] < 0 ? throw file.Bad($"the shape is {shape[0]} x {shape[1]}.")
            : shape[0] == 0 || shape[1] == 0 ? throw archive.Bad($"the matrix is {shape[0]} x {shape[1]}: there is nothing to compress.")
            : shape[1] > int.MaxValue || (Int128)shape[0] * shape[1] > long.MaxValue / sizeof(double) ? throw archive.Bad($"shape {shape[0]} x {shape[1]} overflows.")
            : (shape[0], (int)shape[1]);
    }

    // Without decompressing more than the header.
    private static long CountIn(InputFile archive, ZipMember member, NpyKind kind, out ElementType type)
    {
        using InputFile file = member.OpenStart(archive, HeadBytes);
        NpyHeader header = NpyHeader.Read(file, kind);
        type = header.Type;
        return CheckLength(file, header, member.Length);
    }

    private long CheckPointers()
    {
        const int chunk = 1 << 14;
        var pointers = new long[chunk];
        long before = 0;
        for (long first = 0; first < Pointers.Count; first += chunk)
        {
            Span<long> part = pointers.AsSpan(0, (int)Math.Min(chunk, Pointers.Count - first));
            Pointers.Read(first, part);
            for (int i = 0; i < part.Length; i++)
            {
                if (first + i == 0 ? part[0] != 0 : part[i] < before)
                    throw Pointers.File.Bad(first + i == 0
                        ? $"the first row pointer is {part[0]}; expected 0."
                        : $"row {first + i - 1} (counted from 0) is said to begin at entry {before} and to end before entry {part[i]}; row pointers must ascend.");
                before = part[i];
            }
        }
        return before;
    }
}
