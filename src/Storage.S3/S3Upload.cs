using System.Net;
using System.Runtime.InteropServices;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using ClusterLp.Core.Storage;

namespace ClusterLp.Storage.S3;

/// <summary>
/// An object that fits a part is one PUT. A larger one is a multipart upload: parts travel while more is written, a few at
/// once, and become an object when the upload is completed.
/// </summary>
internal sealed class S3Upload(AmazonS3Client client, S3Address address) : ObjectUpload
{
    private const int FirstBytes = 1 << 16, PartsAtOnce = 4;

    private readonly List<Task<PartETag>> _parts = [];
    private readonly SemaphoreSlim _sending = new(PartsAtOnce);
    private byte[] _part = [];
    private string? _upload;
    private int _filled;
    private long _length;
    private bool _finished, _completed;

    public override long Length => _length;

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_finished, this);
        _length += buffer.Length;
        while (!buffer.IsEmpty)
        {
            if (_filled == S3Settings.PartBytes)
                SendPart();
            int count = Math.Min(buffer.Length, S3Settings.PartBytes - _filled);
            if (_filled + count > _part.Length)
                Array.Resize(ref _part, Math.Min(S3Settings.PartBytes, Math.Max(FirstBytes, Math.Max(_filled + count, 2 * _part.Length))));
            buffer[..count].CopyTo(_part.AsSpan(_filled));
            _filled += count;
            buffer = buffer[count..];
        }
    }

    public override void Finish()
    {
        if (_finished)
            return;
        if (_upload is not null)
        {
            if (_filled > 0)
                SendPart();
            _part = [];
            Run(() => Task.WhenAll(_parts));
        }
        _finished = true;
    }

    public override void Complete()
    {
        Finish();
        if (_upload is null)
            Run(() => S3ObjectStore.PutAsync(client, address, _part.AsMemory(0, _filled), null));
        else
            Run(CompleteAsync);
        _completed = true;
        _part = [];
    }

    private void SendPart()
    {
        _upload ??= Run(() => client.InitiateMultipartUploadAsync(new InitiateMultipartUploadRequest
        {
            BucketName = address.Bucket, Key = address.Key, ContentType = "application/octet-stream",
        })).UploadId;
        foreach (Task<PartETag> sent in _parts)
            if (sent.IsFaulted)
                Run(() => sent);
        _sending.Wait();
        _parts.Add(SendAsync(_parts.Count + 1, _part.AsMemory(0, _filled)));
        (_part, _filled) = ([], 0);
    }

    private async Task<PartETag> SendAsync(int number, ReadOnlyMemory<byte> part)
    {
        try
        {
            using Stream body = Reading(part);
            UploadPartResponse response = await client.UploadPartAsync(new UploadPartRequest
            {
                BucketName = address.Bucket, Key = address.Key, UploadId = _upload, PartNumber = number, PartSize = part.Length,
                InputStream = body, UseChunkEncoding = false,
            }).ConfigureAwait(false);
            return new PartETag(number, response.ETag);
        }
        finally
        {
            _sending.Release();
        }
    }

    private async Task<bool> CompleteAsync()
    {
        try
        {
            await client.CompleteMultipartUploadAsync(new CompleteMultipartUploadRequest
            {
                BucketName = address.Bucket, Key = address.Key, UploadId = _upload, PartETags = [.. _parts.Select(part => part.Result)],
            }).ConfigureAwait(false);
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotFound)
        {
            // An answer that was lost on the way: the upload is gone because it is complete.
            GetObjectMetadataResponse there = await client.GetObjectMetadataAsync(address.Bucket, address.Key).ConfigureAwait(false);
            if (there.ContentLength != _length)
                throw;
        }
        return true;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_completed && _upload is { } upload)
        {
            _upload = null;
            try
            {
                // Parts on their way would be kept, and paid for, after the upload is dropped.
                Task.WhenAll(_parts).ContinueWith(static _ => { }, TaskScheduler.Default).Wait();
                client.AbortMultipartUploadAsync(address.Bucket, address.Key, upload).GetAwaiter().GetResult();
            }
            catch (Exception e) when (e is AmazonClientException or AmazonServiceException || S3Errors.IsBroken(e))
            {
                // The next run drops it, or a lifecycle rule of the bucket does.
            }
        }
        _completed = true;
        base.Dispose(disposing);
    }

    private T Run<T>(Func<Task<T>> request)
    {
        try
        {
            return request().GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is AmazonClientException or AmazonServiceException || S3Errors.IsBroken(e))
        {
            throw S3Errors.Meaning(e, address, writing: true);
        }
    }

    /// <summary>The bytes where they lie, as a request wants them.</summary>
    internal static MemoryStream Reading(ReadOnlyMemory<byte> bytes) => MemoryMarshal.TryGetArray(bytes, out ArraySegment<byte> array)
        ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
        : new MemoryStream(bytes.ToArray());
}
