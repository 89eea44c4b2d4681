using System.Collections.Concurrent;
using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using ClusterLp.Core;
using ClusterLp.Core.Storage;

namespace ClusterLp.Storage.S3;

/// <summary>Amazon S3 and what speaks its protocol, by the AWS SDK, which repeats requests with growing, jittered pauses.</summary>
/// <param name="endpoint">URL of the store; null: as configured, or Amazon's.</param>
public sealed class S3ObjectStore(string? endpoint = null) : IObjectStore
{
    /// <summary>Metadata by which a writer knows its own object: an answer may be lost and the request be sent again.</summary>
    private const string WriterKey = "x-amz-meta-clusterlp-writer";

    private static readonly TimeSpan ConflictPause = TimeSpan.FromMilliseconds(100);
    private const int MostConflicts = 10;

    private readonly Lazy<AmazonS3Client> _client = new(() => S3Settings.Client(endpoint));
    private readonly SemaphoreSlim _reading = new(S3Settings.Requests);
    private readonly ConcurrentDictionary<string, bool> _keepsConditions = new();

    /// <inheritdoc/>
    public StoredStamp? Stat(string path)
    {
        S3Address address = S3Address.Parse(path);
        if (address.Key.Length == 0)
            return null;
        return Run(address, writing: false, async client =>
        {
            GetObjectMetadataResponse? found = await HeadAsync(client, address).ConfigureAwait(false);
            return found is null ? null : new StoredStamp(address.ToString(), found.ContentLength, found.LastModified?.ToUniversalTime() ?? default, found.ETag);
        });
    }

    /// <inheritdoc/>
    public async Task<ObjectRange?> ReadAsync(string path, string? version, long offset, Memory<byte> destination, CancellationToken cancellation)
    {
        S3Address address = S3Address.ParseObject(path);
        await _reading.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await new S3Download(_client.Value, address, version, offset, destination).RunAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (IsForeign(e, cancellation))
        {
            throw S3Errors.Meaning(e, address, writing: false);
        }
        finally
        {
            _reading.Release();
        }
    }

    /// <inheritdoc/>
    public void Put(string path, ReadOnlyMemory<byte> contents)
    {
        S3Address address = S3Address.ParseObject(path);
        Run(address, writing: true, client => PutAsync(client, address, contents, null));
    }

    /// <inheritdoc/>
    /// <exception cref="ClusterLpException">The store does not keep conditions (exit 77): two coordinators could have one job.</exception>
    public bool PutIfAbsent(string path, ReadOnlyMemory<byte> contents)
    {
        S3Address address = S3Address.ParseObject(path);
        return Run(address, writing: true, async client =>
        {
            bool written = await PutIfAbsentAsync(client, address, contents).ConfigureAwait(false);
            // A store that knows nothing of If-None-Match ignores it; that shows when the same is asked once more.
            if (written && !_keepsConditions.ContainsKey(address.Bucket))
                _keepsConditions[address.Bucket] = !await PutIfAbsentAsync(client, address, contents).ConfigureAwait(false);
            if (_keepsConditions.GetValueOrDefault(address.Bucket, true))
                return written;
            await client.DeleteObjectAsync(address.Bucket, address.Key).ConfigureAwait(false);
            throw new ClusterLpException(ExitCode.Refused,
                $"{address}: this store ignores conditional writes (If-None-Match), without which two coordinators could take one job; keep job directory and output elsewhere.");
        });
    }

    /// <inheritdoc/>
    public ObjectUpload BeginUpload(string path) => new S3Upload(_client.Value, S3Address.ParseObject(path));

    /// <inheritdoc/>
    public IReadOnlyList<StoredStamp> List(string folder)
    {
        S3Address address = S3Address.Parse(folder);
        return Run<IReadOnlyList<StoredStamp>>(address, writing: false, async client =>
        {
            var found = new List<StoredStamp>();
            var request = new ListObjectsV2Request { BucketName = address.Bucket, Prefix = address.Prefix };
            ListObjectsV2Response response;
            do
            {
                response = await client.ListObjectsV2Async(request).ConfigureAwait(false);
                // Consoles put objects with a slash at their end where they show folders.
                found.AddRange((response.S3Objects ?? []).Where(item => !item.Key.EndsWith('/')).Select(item => new StoredStamp(
                    S3Address.Of(address.Bucket, item.Key), item.Size ?? 0, item.LastModified?.ToUniversalTime() ?? default, item.ETag)));
                request.ContinuationToken = response.NextContinuationToken;
            }
            while (response.IsTruncated == true);
            return [.. found.OrderBy(item => item.Path, StringComparer.Ordinal)];
        });
    }

    /// <inheritdoc/>
    public void Delete(IReadOnlyCollection<string> paths)
    {
        if (paths.Count == 0)
            return;
        // One by one: a request for many needs a checksum that not every store knows, and deleting costs nothing.
        S3Address[] addresses = [.. paths.Select(S3Address.ParseObject)];
        Run(addresses[0], writing: true, async client =>
        {
            await Parallel.ForEachAsync(addresses, new ParallelOptions { MaxDegreeOfParallelism = S3Settings.Requests }, async (address, cancellation) =>
                await client.DeleteObjectAsync(address.Bucket, address.Key, cancellation).ConfigureAwait(false)).ConfigureAwait(false);
            return true;
        });
    }

    /// <inheritdoc/>
    public void AbortUploads(string folder)
    {
        S3Address address = S3Address.Parse(folder);
        Run(address, writing: true, async client =>
        {
            var request = new ListMultipartUploadsRequest { BucketName = address.Bucket, Prefix = address.Prefix };
            try
            {
                ListMultipartUploadsResponse response;
                do
                {
                    response = await client.ListMultipartUploadsAsync(request).ConfigureAwait(false);
                    foreach (MultipartUpload upload in response.MultipartUploads ?? [])
                        await client.AbortMultipartUploadAsync(address.Bucket, upload.Key, upload.UploadId).ConfigureAwait(false);
                    (request.KeyMarker, request.UploadIdMarker) = (response.NextKeyMarker, response.NextUploadIdMarker);
                }
                while (response.IsTruncated == true);
            }
            catch (AmazonS3Exception e) when (e.StatusCode is HttpStatusCode.Forbidden or HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.NotImplemented)
            {
                // Not allowed or not known: a lifecycle rule of the bucket drops them.
            }
            return true;
        });
    }

    private static async Task<GetObjectMetadataResponse?> HeadAsync(AmazonS3Client client, S3Address address)
    {
        try
        {
            return await client.GetObjectMetadataAsync(address.Bucket, address.Key).ConfigureAwait(false);
        }
        catch (AmazonS3Exception e) when (S3Errors.IsMissingObject(e))
        {
            return null;
        }
    }

    internal static async Task<bool> PutAsync(AmazonS3Client client, S3Address address, ReadOnlyMemory<byte> contents, string? writer)
    {
        using Stream body = S3Upload.Reading(contents);
        var request = new PutObjectRequest
        {
            BucketName = address.Bucket, Key = address.Key, InputStream = body, AutoCloseStream = false, UseChunkEncoding = false,
            ContentType = "application/octet-stream", IfNoneMatch = writer is null ? null : "*",
        };
        if (writer is not null)
            request.Metadata[WriterKey] = writer;
        await client.PutObjectAsync(request).ConfigureAwait(false);
        return true;
    }

    private static async Task<bool> PutIfAbsentAsync(AmazonS3Client client, S3Address address, ReadOnlyMemory<byte> contents)
    {
        string writer = Guid.NewGuid().ToString("N");
        for (int conflicts = 0; ; conflicts++)
            try
            {
                return await PutAsync(client, address, contents, writer).ConfigureAwait(false);
            }
            catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.PreconditionFailed)
            {
                return await HeadAsync(client, address).ConfigureAwait(false) is { } there && there.Metadata[WriterKey] == writer;
            }
            catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.Conflict && conflicts < MostConflicts)
            {
                // Someone else is writing it at this moment; whether that succeeds is yet to be seen.
                await Task.Delay(ConflictPause).ConfigureAwait(false);
            }
    }

    private T Run<T>(S3Address address, bool writing, Func<AmazonS3Client, Task<T>> request)
    {
        try
        {
            return request(_client.Value).GetAwaiter().GetResult();
        }
        catch (Exception e) when (IsForeign(e, CancellationToken.None))
        {
            throw S3Errors.Meaning(e, address, writing);
        }
    }

    private static bool IsForeign(Exception e, CancellationToken cancellation) =>
        e is AmazonClientException or AmazonServiceException || S3Errors.IsBroken(e) && !cancellation.IsCancellationRequested;
}
