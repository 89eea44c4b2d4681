using System.Buffers;
using System.Globalization;
using System.Net;
using ClusterLp.Core.Faults;

namespace ClusterLp.Core.Jobs.Blobs;

/// <summary>
/// What is written travels to the coordinator's endpoint in parts of a few MiB under an upload of its own; <see cref="Commit"/>
/// gives it its name. A part that breaks goes on from the byte the other side has. An upload that is not committed is
/// dropped there after a while.
/// </summary>
internal sealed class HttpUpload(HttpClient client, Uri address, string name, HttpRetry retry) : Stream
{
    /// <summary>The header by which the endpoint says how many bytes of an upload it has.</summary>
    public const string OffsetHeader = "Upload-Offset";

    /// <summary>Bytes of a part.</summary>
    public const int PartBytes = 4 << 20;

    private readonly string _upload = Guid.NewGuid().ToString("N");
    private byte[] _part = ArrayPool<byte>.Shared.Rent(PartBytes);
    private long _sent;
    private int _filled;

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => _sent + _filled;
    public override long Position { get => Length; set => throw new NotSupportedException(); }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int count = Math.Min(buffer.Length, PartBytes - _filled);
            buffer[..count].CopyTo(_part.AsSpan(_filled));
            buffer = buffer[count..];
            if ((_filled += count) == PartBytes)
                SendPart();
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <summary>Sends the rest; the endpoint compares length and hash, then gives the upload its name.</summary>
    /// <exception cref="ClusterLpException">It arrived altered (exit 75).</exception>
    public void Commit(BlobRef blob)
    {
        if (_filled > 0)
            SendPart();
        retry.Run(address, () =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post,
                Query(string.Create(CultureInfo.InvariantCulture, $"upload={_upload}&length={blob.Length}&checksum={blob.Checksum}")));
            using HttpResponseMessage response = client.Send(request);
            HttpRetry.ThrowUnlessSuccess(address, response);
            return true;
        });
    }

    private void SendPart()
    {
        long start = _sent, end = _sent + _filled;
        int tries = 0;
        retry.Run(address, () =>
        {
            bool repeated = tries++ > 0;
            if (repeated)
                _sent = OffsetReached(start, end);
            if (_sent < end)
                SendFrom((int)(_sent - start), repeated);
            return true;
        });
        (_sent, _filled) = (end, 0);
    }

    private void SendFrom(int from, bool repeated)
    {
        Failpoint.Reach(Failpoint.BlobWrite, name);
        using var request = new HttpRequestMessage(HttpMethod.Put, Query(string.Create(CultureInfo.InvariantCulture, $"upload={_upload}&offset={_sent}")))
        {
            Content = new ByteArrayContent(_part, from, _filled - from),
        };
        // The other side may still be at the try that broke: it says so before the bytes are sent once more.
        request.Headers.ExpectContinue = repeated;
        using HttpResponseMessage response = client.Send(request);
        // The other side has more than it could tell before the connection broke: asked again, it says how much.
        if (response.StatusCode == HttpStatusCode.Conflict)
            throw new HttpRequestException("the upload stands at another byte", null, HttpStatusCode.Conflict);
        HttpRetry.ThrowUnlessSuccess(address, response);
    }

    private long OffsetReached(long start, long end)
    {
        using var request = new HttpRequestMessage(HttpMethod.Head, Query($"upload={_upload}"));
        using HttpResponseMessage response = client.Send(request);
        HttpRetry.ThrowUnlessSuccess(address, response);
        bool told = response.Headers.TryGetValues(OffsetHeader, out IEnumerable<string>? values);
        return told && long.TryParse(values!.First(), NumberStyles.None, CultureInfo.InvariantCulture, out long reached) && reached >= start && reached <= end
            ? reached
            : throw new ClusterLpException(ExitCode.Resumable, $"{address}: the coordinator has dropped this upload; it must begin again.");
    }

    private Uri Query(string query) => new UriBuilder(address) { Query = query }.Uri;

    protected override void Dispose(bool disposing)
    {
        if (_part.Length > 0)
            ArrayPool<byte>.Shared.Return(_part);
        _part = [];
        base.Dispose(disposing);
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
}
