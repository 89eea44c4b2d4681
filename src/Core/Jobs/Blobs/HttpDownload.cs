using System.Net;
using System.Net.Http.Headers;
using ClusterLp.Core.Faults;

namespace ClusterLp.Core.Jobs.Blobs;

/// <summary>A blob read from the coordinator's endpoint; a connection that breaks is replaced by one from the byte reached.</summary>
internal sealed class HttpDownload : Stream
{
    private readonly HttpClient _client;
    private readonly Uri _address;
    private readonly BlobRef _blob;
    private readonly HttpRetry _retry;
    private HttpResponseMessage? _response;
    private Stream? _body;
    private long _position;
    private int _failures;

    /// <summary>Opens it; the length is compared now.</summary>
    /// <exception cref="BlobCorruptException">Missing, or of another length.</exception>
    public HttpDownload(HttpClient client, Uri address, BlobRef blob, HttpRetry retry)
    {
        (_client, _address, _blob, _retry) = (client, address, blob, retry);
        try
        {
            retry.Run(address, Connect);
        }
        catch
        {
            Disconnect();
            throw;
        }
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => _blob.Length;
    public override long Position { get => _position; set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count)
    {
        if (_position == _blob.Length || count == 0)
            return 0;
        while (true)
            try
            {
                int read = ReadOnce(buffer, offset, (int)Math.Min(count, _blob.Length - _position));
                (_position, _failures) = (_position + read, 0);
                return read;
            }
            catch (Exception e) when (HttpRetry.IsTransient(e))
            {
                Disconnect();
                if (++_failures >= _retry.Tries)
                    throw HttpRetry.Unreachable(_address, _failures, e);
                Thread.Sleep(_retry.FirstPause * Math.Pow(2, _failures - 1));
            }
    }

    // Network streams have no read timeout of their own that HttpClient would set: the token is it.
    private int ReadOnce(byte[] buffer, int offset, int count)
    {
        if (_body is null)
            Connect();
        using var timeout = new CancellationTokenSource(_retry.Timeout);
        int read = _body!.ReadAsync(buffer.AsMemory(offset, count), timeout.Token).AsTask().GetAwaiter().GetResult();
        return read > 0 ? read : throw new EndOfStreamException($"the connection ended after {_position} of {_blob.Length} bytes");
    }

    private bool Connect()
    {
        Disconnect();
        using var request = new HttpRequestMessage(HttpMethod.Get, _address);
        if (_position > 0)
            request.Headers.Range = new RangeHeaderValue(_position, null);
        _response = _client.Send(request, HttpCompletionOption.ResponseHeadersRead);
        if (_response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.RequestedRangeNotSatisfiable)
            throw new BlobCorruptException(_blob, $"is not at {_address}");
        HttpRetry.ThrowUnlessSuccess(_address, _response);
        HttpContentHeaders headers = _response.Content.Headers;
        bool asAsked = _position == 0 ? _response.StatusCode == HttpStatusCode.OK : headers.ContentRange?.From == _position;
        long? found = _position == 0 ? headers.ContentLength : headers.ContentRange?.Length;
        if (!asAsked || found != _blob.Length)
            throw new BlobCorruptException(_blob, $"has {found} bytes instead of {_blob.Length}");
        _body = Failpoint.Wrap(Failpoint.BlobRead, BlobNames.Of(_blob)!, _response.Content.ReadAsStream(), _blob.Length - _position);
        return true;
    }

    private void Disconnect()
    {
        _response?.Dispose();
        (_response, _body) = (null, null);
    }

    protected override void Dispose(bool disposing)
    {
        Disconnect();
        base.Dispose(disposing);
    }

    public override void Flush() => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
