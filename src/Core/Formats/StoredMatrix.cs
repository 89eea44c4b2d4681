using System.Buffers;
using System.Runtime.InteropServices;

namespace ClusterLp.Core.Formats;

/// <summary>How the elements of a stored matrix lie.</summary>
internal enum ElementOrder
{
    /// <summary>Row-major.</summary>
    C,
    /// <summary>Column-major.</summary>
    Fortran,
}

/// <summary>A dense matrix at a byte offset of a file, in any floating type, byte order and element order.</summary>
internal sealed class StoredMatrix : IMatrixSource
{
    // Read and converted while in cache.
    private const int ChunkBytes = 1 << 17;
    private const int TileRows = 1024, TileColumns = 32;
    // float32 goes to its place directly; a span of bytes cannot be longer than int.MaxValue.
    private const int MostElements = 1 << 28;

    private readonly InputFile _file;
    private readonly long _offset;
    private readonly ElementType _type;
    private readonly bool _bigEndian;
    private readonly ElementOrder _order;

    public string Name { get; }
    public long Rows { get; }
    public int Columns { get; }

    /// <summary>Shares <paramref name="file"/>; the caller has checked that the matrix lies within it.</summary>
    public StoredMatrix(InputFile file, string name, long rows, int columns, long offset, ElementType type,
        bool bigEndian = false, ElementOrder order = ElementOrder.C)
    {
        _file = file.Share();
        (Name, Rows, Columns) = (name, rows, columns);
        (_offset, _type, _bigEndian, _order) = (offset, type, bigEndian, order);
    }

    /// <summary>A second source over the same elements.</summary>
    public StoredMatrix Share() => new(_file, Name, Rows, Columns, _offset, _type, _bigEndian, _order);

    /// <summary>The same elements in the other order.</summary>
    public IMatrixSource? Transpose() => Rows > int.MaxValue ? null
        : new StoredMatrix(_file, Name, Columns, (int)Rows, _offset, _type, _bigEndian, _order == ElementOrder.C ? ElementOrder.Fortran : ElementOrder.C);

    public void ReadRows(long firstRow, int count, Span<float> destination)
    {
        RowRange.Check(this, firstRow, count, destination.Length);
        destination = destination[..(count * Columns)];
        if (_order == ElementOrder.Fortran)
            ReadColumns(firstRow, count, destination);
        else
            Convert(firstRow * Columns, destination);
    }

    // Reads a tile column by column, which is how it lies in the file, then writes it row by row: both sides in cache.
    private void ReadColumns(long firstRow, int count, Span<float> destination)
    {
        float[] tile = ArrayPool<float>.Shared.Rent(TileRows * TileColumns);
        for (int row = 0; row < count; row += TileRows)
        {
            int rows = Math.Min(TileRows, count - row);
            for (int column = 0; column < Columns; column += TileColumns)
            {
                int columns = Math.Min(TileColumns, Columns - column);
                for (int c = 0; c < columns; c++)
                    Convert((column + c) * Rows + firstRow + row, tile.AsSpan(c * TileRows, rows));
                for (int r = 0; r < rows; r++)
                {
                    Span<float> line = destination.Slice((row + r) * Columns + column, columns);
                    for (int c = 0; c < line.Length; c++)
                        line[c] = tile[c * TileRows + r];
                }
            }
        }
        ArrayPool<float>.Shared.Return(tile);
    }

    private void Convert(long firstElement, Span<float> destination)
    {
        int size = _type.Size();
        long offset = _offset + firstElement * size;
        if (_type == ElementType.F32 && !_bigEndian)
        {
            for (int done = 0; done < destination.Length; done += MostElements)
                _file.Read(offset + (long)done * size, MemoryMarshal.AsBytes(destination.Slice(done, Math.Min(MostElements, destination.Length - done))));
            return;
        }
        int chunk = (int)Math.Min(_file.GoodRead(ChunkBytes), Math.Max(ChunkBytes, (long)destination.Length * size));
        byte[] buffer = ArrayPool<byte>.Shared.Rent(chunk);
        for (int done = 0, most = chunk / size; done < destination.Length; done += most)
        {
            Span<float> part = destination.Slice(done, Math.Min(most, destination.Length - done));
            Span<byte> bytes = buffer.AsSpan(0, part.Length * size);
            _file.Read(offset + (long)done * size, bytes);
            ElementConversion.ToFloat32(_type, bytes, part, _bigEndian);
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

/// <summary>The argument check every <see cref="IMatrixSource.ReadRows"/> makes.</summary>
internal static class RowRange
{
    /// <exception cref="ArgumentOutOfRangeException">The rows are not all in the matrix, or do not fit the destination.</exception>
    public static void Check(IMatrixSource source, long firstRow, int count, int capacity)
    {
        Check(source, firstRow, count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)count * source.Columns, capacity);
    }

    /// <exception cref="ArgumentOutOfRangeException">The rows are not all in the matrix.</exception>
    public static void Check(IMatrixSource source, long firstRow, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(firstRow);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstRow, source.Rows - count);
    }
}
