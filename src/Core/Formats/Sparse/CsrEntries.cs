using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using ClusterLp.Core.Formats.Npy;
using ClusterLp.Core.Formats.Zip;

namespace ClusterLp.Core.Formats.Sparse;

/// <summary>Columns and values of a CSR matrix' entries, in the file's order. Thread-safe.</summary>
internal sealed class CsrEntries : IDisposable
{
    private const int Chunk = 1 << 14;

    private readonly InputFile _file;
    private readonly long _offset;
    private readonly bool _bigEndian;

    /// <summary>Column of each entry.</summary>
    public CsrIntegers Columns { get; }

    /// <summary>Of the values.</summary>
    public ElementType Type { get; }

    private CsrEntries(CsrIntegers columns, InputFile file, NpyHeader header) =>
        (Columns, _file, _offset, Type, _bigEndian) = (columns, file, header.DataOffset, header.Type, header.BigEndian);

    /// <summary>Both members, decompressed where that is needed.</summary>
    /// <exception cref="ClusterLpException">As in <see cref="CsrArrays.Entries"/>.</exception>
    public static CsrEntries Open(InputFile archive, ZipMember columns, ZipMember values, long stored)
    {
        InputFile? columnFile = null, valueFile = null;
        try
        {
            var integers = new CsrIntegers(columnFile = columns.Open(archive));
            valueFile = values.Open(archive);
            NpyHeader header = NpyHeader.Read(valueFile);
            long count = CsrArrays.CheckLength(valueFile, header);
            // scipy takes arrays longer than the last row pointer says.
            if (count != integers.Count || count < stored)
                throw archive.Bad($"there are {integers.Count} column indices and {count} values, and the row pointers end at {stored}; expected as many.");
            return new CsrEntries(integers, valueFile, header);
        }
        catch
        {
            columnFile?.Dispose();
            valueFile?.Dispose();
            throw;
        }
    }

    /// <summary>Values from entry <paramref name="first"/> on, float32.</summary>
    public void ReadValues(long first, Span<float> destination)
    {
        int size = Type.Size();
        byte[] bytes = ArrayPool<byte>.Shared.Rent(Chunk * size);
        for (int done = 0; done < destination.Length; done += Chunk)
        {
            Span<float> part = destination.Slice(done, Math.Min(Chunk, destination.Length - done));
            Span<byte> raw = bytes.AsSpan(0, part.Length * size);
            _file.Read(_offset + (first + done) * size, raw);
            ElementConversion.ToFloat32(Type, raw, part, _bigEndian);
        }
        ArrayPool<byte>.Shared.Return(bytes);
    }

    /// <summary>Values of a float64 file as they are.</summary>
    public void ReadValues(long first, Span<double> destination)
    {
        _file.Read(_offset + first * sizeof(double), MemoryMarshal.AsBytes(destination));
        if (!_bigEndian)
            return;
        Span<long> bits = MemoryMarshal.Cast<double, long>(destination);
        BinaryPrimitives.ReverseEndianness(bits, bits);
    }

    public void Dispose()
    {
        Columns.Dispose();
        _file.Dispose();
    }
}
