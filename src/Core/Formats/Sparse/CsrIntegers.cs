using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using ClusterLp.Core.Formats.Npy;

namespace ClusterLp.Core.Formats.Sparse;

/// <summary>A one-dimensional .npy of integers, int32 or int64 in either byte order, read at positions. Thread-safe.</summary>
internal sealed class CsrIntegers : IDisposable
{
    private const int Chunk = 1 << 14;

    private readonly bool _wide, _bigEndian;
    private readonly long _offset;

    /// <summary>The .npy.</summary>
    public InputFile File { get; }

    /// <summary>How many.</summary>
    public long Count { get; }

    /// <summary>Takes over <paramref name="file"/> unless it throws.</summary>
    /// <exception cref="ClusterLpException">Another kind of array, or not of the size it says (exit 65).</exception>
    public CsrIntegers(InputFile file)
    {
        NpyHeader header = NpyHeader.Read(file, NpyKind.Integer);
        Count = CsrArrays.CheckLength(file, header);
        (File, _wide, _bigEndian, _offset) = (file, header.Type == ElementType.I64, header.BigEndian, header.DataOffset);
    }

    /// <summary>The integers from number <paramref name="first"/> on.</summary>
    public void Read(long first, Span<long> destination)
    {
        if (_wide)
        {
            File.Read(_offset + first * sizeof(long), MemoryMarshal.AsBytes(destination));
            if (_bigEndian)
                BinaryPrimitives.ReverseEndianness(destination, destination);
            return;
        }
        int[] narrow = ArrayPool<int>.Shared.Rent(Chunk);
        for (int done = 0; done < destination.Length; done += Chunk)
        {
            Span<int> part = narrow.AsSpan(0, Math.Min(Chunk, destination.Length - done));
            ReadNarrow(first + done, part);
            for (int i = 0; i < part.Length; i++)
                destination[done + i] = part[i];
        }
        ArrayPool<int>.Shared.Return(narrow);
    }

    /// <summary>The same as int32; those beyond its range become -1.</summary>
    public void Read(long first, Span<int> destination)
    {
        if (!_wide)
        {
            ReadNarrow(first, destination);
            return;
        }
        long[] wide = ArrayPool<long>.Shared.Rent(Chunk);
        for (int done = 0; done < destination.Length; done += Chunk)
        {
            Span<long> part = wide.AsSpan(0, Math.Min(Chunk, destination.Length - done));
            Read(first + done, part);
            for (int i = 0; i < part.Length; i++)
                destination[done + i] = part[i] is >= 0 and <= int.MaxValue ? (int)part[i] : -1;
        }
        ArrayPool<long>.Shared.Return(wide);
    }

    public void Dispose() => File.Dispose();

    private void ReadNarrow(long first, Span<int> destination)
    {
        File.Read(_offset + first * sizeof(int), MemoryMarshal.AsBytes(destination));
        if (_bigEndian)
            BinaryPrimitives.ReverseEndianness(destination, destination);
    }
}
