using System.Globalization;
using System.Net;
using Amazon.S3;
using Amazon.S3.Model;
using ClusterLp.Core.Storage;

namespace ClusterLp.Storage.S3;

/// <summary>
/// One range of an object. The SDK repeats a request until its answer begins; an answer that breaks off, or comes to a
/// standstill, is asked for again from the byte reached.
/// </summary>
internal sealed class S3Download(AmazonS3Client client, S3Address address, string? version, long offset, Memory<byte> destination)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100), LongestPause = TimeSpan.FromSeconds(20);

    private string? _version = version;
    private long _length;
    private int _done;

    /// <returns>Null where there is no such object.</returns>
    /// <exception cref="ObjectChangedException">It has another version, or has it since the first byte.</exception>
    public async Task<ObjectRange?> RunAsync(CancellationToken cancellation)
    {
        for (int failures = 0, before = 0; ; before = _done)
            try
            {
                await ReadOnceAsync(cancellation).ConfigureAwait(false);
                return new ObjectRange(_done, _length, _version!);
            }
            catch (AmazonS3Exception e) when (S3Errors.IsMissingObject(e))
            {
                return null;
            }
            catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.PreconditionFailed)
            {
                throw new ObjectChangedException(address.ToString());
            }
            catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && _done == 0)
            {
                // It ends before the range.
                GetObjectMetadataResponse now = await client.GetObjectMetadataAsync(address.Bucket, address.Key, cancellation).ConfigureAwait(false);
                return new ObjectRange(0, now.ContentLength, now.ETag);
            }
            catch (Exception e) when (S3Errors.IsBroken(e) && !cancellation.IsCancellationRequested)
            {
                failures = _done > before ? 1 : failures + 1;
                if (failures >= S3Settings.Tries)
                    throw;
                await Task.Delay(Pause(failures), cancellation).ConfigureAwait(false);
            }
    }

    private async Task ReadOnceAsync(CancellationToken cancellation)
    {
        var request = new GetObjectRequest
        {
            BucketName = address.Bucket, Key = address.Key, EtagToMatch = _version,
            ByteRange = new ByteRange(offset + _done, offset + destination.Length - 1),
        };
        using GetObjectResponse response = await client.GetObjectAsync(request, cancellation).ConfigureAwait(false);
        if (_version is not null && response.ETag != _version)
            throw new ObjectChangedException(address.ToString());
        _version = response.ETag;
        _length = Length(response);
        int wanted = (int)Math.Min(destination.Length, Math.Max(0, _length - offset));
        using var standstill = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        while (_done < wanted)
        {
            standstill.CancelAfter(S3Settings.Timeout);
            int read = await response.ResponseStream.ReadAsync(destination[_done..wanted], standstill.Token).ConfigureAwait(false);
            _done += read > 0 ? read : throw new EndOfStreamException($"the answer ended after {_done} of {wanted} bytes");
        }
    }

    // "bytes 0-99/1234"
    private long Length(GetObjectResponse response) =>
        response.ContentRange is { Length: > 0 } range && long.TryParse(range.AsSpan(range.LastIndexOf('/') + 1), NumberStyles.None, CultureInfo.InvariantCulture, out long length)
            ? length
            : offset + _done == 0 ? response.ContentLength : throw new IOException("the store ignored the range of the request");

    // The SDK's own rule: anything up to twice as long each time, so that many who failed together do not come back together.
    private static TimeSpan Pause(int failures) =>
        TimeSpan.FromTicks((long)(Random.Shared.NextDouble() * Math.Min(LongestPause.Ticks, FirstPause.Ticks * Math.Pow(2, failures))));
}
