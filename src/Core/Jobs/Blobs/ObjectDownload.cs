using System.Buffers;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Jobs.Blobs;

/// <summary>A blob read from an object store in pieces, the next one while this one is used. One request where it fits a piece.</summary>
internal sealed class ObjectDownload : Stream
{
    private const int PieceBytes = 8 << 20;

    private readonly IObjectStore _objects;
    private readonly string _address;
    private readonly BlobRef _blob;
    private readonly CancellationTokenSource _closed = new();
    private readonly string _version;
    private byte[] _piece = [];
    private int _length, _used;
    private long _position, _asked;
    private Task<(byte[] Piece, int Length, string Version)>? _next;

    /// <summary>Opens it and reads its first piece; the length is compared now.</summary>
    /// <exception cref="BlobCorruptException">Missing, or of another length.</exception>
    public ObjectDownload(IObjectStore objects, string address, BlobRef blob)
    {
        (_objects, _address, _blob) = (objects, address, blob);
        (_piece, _length, _version) = AskAsync(null).GetAwaiter().GetResult();
        AskAhead();
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => _blob.Length;
    public override long Position { get => _position; set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        if (_used == _length)
        {
            if (_next is null)
                return 0;
            ArrayPool<byte>.Shared.Return(_piece);
            _piece = [];
            (_piece, _length, _) = _next.GetAwaiter().GetResult();
            _used = 0;
            AskAhead();
        }
        int count = Math.Min(buffer.Length, _length - _used);
        _piece.AsSpan(_used, count).CopyTo(buffer);
        (_used, _position) = (_used + count, _position + count);
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    private void AskAhead() => _next = _asked < _blob.Length ? AskAsync(_version) : null;

    private async Task<(byte[], int, string)> AskAsync(string? version)
    {
        long offset = _asked;
        int wanted = (int)Math.Min(PieceBytes, _blob.Length - offset);
        _asked += wanted;
        byte[] piece = ArrayPool<byte>.Shared.Rent(wanted);
        try
        {
            ObjectRange? range = await _objects.ReadAsync(_address, version, offset, piece.AsMemory(0, wanted), _closed.Token).ConfigureAwait(false);
            if (range is not { } found)
                throw new BlobCorruptException(_blob, $"is not at {_address}");
            if (found.Length != _blob.Length || found.Read != wanted)
                throw new BlobCorruptException(_blob, $"has {found.Length} bytes instead of {_blob.Length}");
            return (piece, wanted, found.Version);
        }
        catch (Exception e)
        {
            ArrayPool<byte>.Shared.Return(piece);
            if (e is ObjectChangedException)
                throw new BlobCorruptException(_blob, "was replaced while it was read", e);
            throw;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_closed.IsCancellationRequested)
        {
            _closed.Cancel();
            // Its buffer may still be written to: it is not given back.
            _next?.ContinueWith(static task => task.Exception, TaskScheduler.Default);
            if (_piece.Length > 0)
                ArrayPool<byte>.Shared.Return(_piece);
            _piece = [];
            (_length, _used, _next) = (0, 0, null);
        }
        base.Dispose(disposing);
    }

    public override void Flush() => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
