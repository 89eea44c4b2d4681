using ClusterLp.Core.Telemetry;

namespace ClusterLp.Core.Jobs.Blobs;

/// <summary>Sums up what is written through it.</summary>
internal sealed class HashedStream(Stream inner, bool leaveOpen) : PassingStream(inner, leaveOpen)
{
    public override bool CanWrite => true;

    public string Checksum() => Sum.ToString();

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        Inner.Write(buffer);
        Pass(buffer);
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
}

/// <summary>Sums up what is read through it and compares when the last byte has passed.</summary>
internal sealed class VerifiedStream(Stream inner, BlobRef blob) : PassingStream(inner, leaveOpen: false)
{
    private bool _compared;

    public override bool CanRead => true;

    public override int Read(Span<byte> buffer)
    {
        // More than the blob may lie behind it.
        buffer = buffer[..(int)Math.Min(buffer.Length, blob.Length - BytesPassed)];
        int read = ReadInner(buffer);
        Pass(buffer[..read]);
        if (read == 0 && buffer.Length > 0 && BytesPassed < blob.Length)
            throw new BlobCorruptException(blob, $"ended after {BytesPassed} of {blob.Length} bytes");
        if (BytesPassed == blob.Length && !_compared)
        {
            _compared = true;
            if (Sum.ToString() != blob.Checksum)
                throw new BlobCorruptException(blob, "its contents do not match its checksum");
        }
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    private int ReadInner(Span<byte> buffer)
    {
        try
        {
            return Inner.Read(buffer);
        }
        catch (IOException e)
        {
            throw new BlobCorruptException(blob, $"cannot be read after {BytesPassed} of {blob.Length} bytes ({e.Message})", e);
        }
    }
}

/// <summary>Sums up what passes.</summary>
internal abstract class PassingStream(Stream inner, bool leaveOpen) : Stream
{
    protected Stream Inner { get; } = inner;

    protected BlobChecksum Sum { get; } = new();

    /// <summary>Bytes read or written so far.</summary>
    public long BytesPassed { get; private set; }

    public override bool CanRead => false;
    public override bool CanWrite => false;
    public override bool CanSeek => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => BytesPassed; set => throw new NotSupportedException(); }

    public override void Flush() => Inner.Flush();
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    protected void Pass(ReadOnlySpan<byte> bytes)
    {
        Sum.Append(bytes);
        BytesPassed += bytes.Length;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            if (CanWrite)
                Instruments.BlobWritten(BytesPassed);
            else
                Instruments.BlobRead(BytesPassed);
            if (!leaveOpen)
                Inner.Dispose();
        }
        base.Dispose(disposing);
    }
}
