using System.Buffers;

namespace ClusterLp.Core.Formats.FastText;

/// <summary>A product-quantised matrix of a fastText .ftz, its rows decoded when they are read; norms may be quantised apart.</summary>
internal sealed class QuantisedMatrix : IMatrixSource
{
    private readonly InputFile _file;
    private readonly long _codes;
    private readonly ProductQuantiser _quantiser;
    private readonly long _normCodes;
    private readonly ProductQuantiser? _normQuantiser;

    public string Name { get; }
    public long Rows { get; }
    public int Columns { get; }

    /// <summary>Bytes of codes and centroids.</summary>
    public long StoredBytes { get; }

    private QuantisedMatrix(InputFile file, string name, long rows, int columns, long codes, ProductQuantiser quantiser,
        long normCodes, ProductQuantiser? normQuantiser, long storedBytes)
    {
        _file = file.Share();
        (Name, Rows, Columns, StoredBytes) = (name, rows, columns, storedBytes);
        (_codes, _quantiser, _normCodes, _normQuantiser) = (codes, quantiser, normCodes, normQuantiser);
    }

    /// <summary>A second source over the same codes.</summary>
    public QuantisedMatrix Share() =>
        new(_file, Name, Rows, Columns, _codes, _quantiser, _normCodes, _normQuantiser, StoredBytes);

    /// <summary>Reads sizes and centroids at the cursor and passes over the codes.</summary>
    /// <exception cref="ClusterLpException">Sizes that do not agree, or a truncated file (exit 65).</exception>
    public static QuantisedMatrix Read(InputFile file, FastTextCursor cursor, string name, int dim)
    {
        long start = cursor.Position;
        bool quantisedNorms = cursor.Boolean();
        long rows = cursor.Int64(), columns = cursor.Int64();
        int codeBytes = cursor.Int32();
        if (rows < 1 || columns != dim || codeBytes < 0 || codeBytes % rows != 0)
            throw cursor.Bad($"{rows} x {columns} matrix of {codeBytes} bytes of codes; expected at least one row of {dim} columns");
        long codes = cursor.Skip(codeBytes);
        ProductQuantiser quantiser = ProductQuantiser.Read(cursor, dim);
        if (codeBytes / rows != quantiser.Parts)
            throw cursor.Bad($"{codeBytes} bytes of codes for {rows} rows; expected {quantiser.Parts} a row");
        long normCodes = 0;
        ProductQuantiser? normQuantiser = null;
        if (quantisedNorms)
        {
            normCodes = cursor.Skip(rows);
            normQuantiser = ProductQuantiser.Read(cursor, 1);
        }
        return new QuantisedMatrix(file, name, rows, dim, codes, quantiser, normCodes, normQuantiser, cursor.Position - start);
    }

    public void ReadRows(long firstRow, int count, Span<float> destination)
    {
        RowRange.Check(this, firstRow, count, destination.Length);
        int parts = _quantiser.Parts;
        // Norms behind codes.
        byte[] buffer = ArrayPool<byte>.Shared.Rent(checked(count * (parts + 1)));
        Span<byte> codes = buffer.AsSpan(0, count * parts), norms = buffer.AsSpan(count * parts, count);
        _file.Read(_codes + firstRow * parts, codes);
        if (_normQuantiser is not null)
            _file.Read(_normCodes + firstRow, norms);
        for (int r = 0; r < count; r++)
        {
            float norm = _normQuantiser is null ? 1 : _normQuantiser.Scalar(norms[r]);
            _quantiser.Decode(codes.Slice(r * parts, parts), norm, destination.Slice(r * Columns, Columns));
        }
        ArrayPool<byte>.Shared.Return(buffer);
    }

    private int _disposed;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            _file.Dispose();
    }
}
