namespace ClusterLp.Core.Faults;

/// <summary>
/// A stream that misbehaves once, after <paramref name="after"/> bytes: <c>fail</c> and <c>full</c> throw, <c>short</c>
/// ends (reads) or swallows the rest (writes), <c>flip</c> inverts one bit.
/// </summary>
public sealed class FaultyStream(Stream inner, string action, long after) : Stream
{
    private long _passed;

    public override bool CanRead => inner.CanRead;
    public override bool CanSeek => false;
    public override bool CanWrite => inner.CanWrite;
    public override long Length => inner.Length;
    public override long Position { get => inner.Position; set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        if (action == "short" && _passed + buffer.Length > after)
            buffer = buffer[..(int)Math.Max(0, after - _passed)];
        int read = buffer.IsEmpty ? 0 : inner.Read(buffer);
        Pass(buffer[..read]);
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        byte[] copy = buffer.ToArray();
        // What a real disk does: the part before the fault is written.
        int sound = action == "flip" ? copy.Length : (int)Math.Clamp(after - _passed, 0, copy.Length);
        if (action != "flip")
            inner.Write(copy.AsSpan(0, sound));
        Pass(copy);
        if (action == "flip")
            inner.Write(copy);
        else if (action != "short")
            inner.Write(copy.AsSpan(sound));
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    private void Pass(Span<byte> bytes)
    {
        bool now = _passed <= after && after < _passed + bytes.Length;
        if (now && action == "flip")
            bytes[(int)(after - _passed)] ^= 0x10;
        _passed += bytes.Length;
        if (now && action is ("fail" or "full"))
            throw Failpoint.Error(action);
    }

    public override void Flush() => inner.Flush();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            inner.Dispose();
        base.Dispose(disposing);
    }
}
