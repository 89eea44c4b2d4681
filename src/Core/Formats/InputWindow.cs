using System.Buffers;

namespace ClusterLp.Core.Formats;

/// <summary>
/// A stretch of a file in a pooled buffer, for passes that go through it in order: what follows is read ahead. For one
/// thread; spans are valid until the next call.
/// </summary>
/// <param name="file">Not owned.</param>
/// <param name="end">Nothing is read ahead beyond this offset.</param>
internal sealed class InputWindow(InputFile file, long end) : IDisposable
{
    private const int Ahead = 1 << 18;

    private byte[] _buffer = [];
    private long _start;
    private int _length;

    /// <summary>The bytes [offset, offset + length).</summary>
    /// <exception cref="ClusterLpException">As in <see cref="InputFile.Read"/>.</exception>
    public ReadOnlySpan<byte> Span(long offset, int length)
    {
        if (offset < _start || offset + length > _start + _length)
            Fill(offset, length);
        return _buffer.AsSpan((int)(offset - _start), length);
    }

    /// <summary>How far after <paramref name="offset"/> the byte comes first, within <paramref name="most"/> bytes; or -1.</summary>
    /// <exception cref="ClusterLpException">As in <see cref="InputFile.Read"/>.</exception>
    public int IndexOf(byte value, long offset, int most)
    {
        int searched = 0, needed = Math.Min(most, 1);
        while (true)
        {
            Span(offset, needed);
            int held = (int)Math.Min(most, _start + _length - offset);
            int found = Span(offset, held)[searched..].IndexOf(value);
            if (found >= 0)
                return searched + found;
            if (held == most)
                return -1;
            searched = held;
            needed = (int)Math.Min(most, 2L * held);
        }
    }

    public void Dispose()
    {
        if (_buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(_buffer);
        (_buffer, _length) = ([], 0);
    }

    private void Fill(long offset, int length)
    {
        int wanted = (int)Math.Max(length, Math.Min(Ahead, end - offset));
        if (wanted > _buffer.Length)
        {
            Dispose();
            _buffer = ArrayPool<byte>.Shared.Rent(wanted);
        }
        _length = 0;
        file.Read(offset, _buffer.AsSpan(0, wanted));
        (_start, _length) = (offset, wanted);
    }
}
