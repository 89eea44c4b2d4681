using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;

namespace ClusterLp.Core.Jobs.Blobs;

/// <summary>
/// A job's blobs by way of its coordinator's blob endpoint, for workers that do not see the job directory. References are
/// those of the folder. A transfer that breaks goes on from the byte it reached. Thread-safe.
/// </summary>
/// <param name="endpoint">As the coordinator announces it: <c>http://HOST:PORT/JOB/</c>, or https.</param>
/// <param name="tls">Client certificate and trust; null for http.</param>
/// <param name="retry">How often a request is repeated; null: <see cref="HttpRetry.Standard"/>.</param>
public sealed class HttpBlobStore(Uri endpoint, SslClientAuthenticationOptions? tls = null, HttpRetry? retry = null) : IBlobStore
{
    private readonly HttpRetry _retry = retry ?? HttpRetry.Standard;
    private readonly HttpClient _client = Client(tls, retry ?? HttpRetry.Standard);

    /// <exception cref="ClusterLpException">The coordinator's disk is full or not writable (exit 73), or it cannot be reached (75).</exception>
    public BlobRef Write(string name, Action<Stream> content)
    {
        if (!BlobNames.IsInside(name))
            throw new ArgumentException($"blob name \"{name}\" is not a relative path inside the store", nameof(name));
        using var upload = new HttpUpload(_client, Address(name), name, _retry);
        using var hashing = new HashedStream(upload, leaveOpen: true);
        content(hashing);
        BlobRef blob = BlobNames.Reference(name, hashing.BytesPassed, hashing.Checksum());
        upload.Commit(blob);
        return blob;
    }

    /// <exception cref="BlobCorruptException">The blob is missing or is not what its reference says.</exception>
    /// <exception cref="ClusterLpException">The coordinator cannot be reached (exit 75).</exception>
    public Stream OpenRead(BlobRef blob)
    {
        string name = BlobNames.Of(blob) ?? throw new BlobCorruptException(blob, "its address does not lie in this job's blob folder");
        return new VerifiedStream(new HttpDownload(_client, Address(name), blob, _retry), blob);
    }

    /// <summary>Does nothing: only the coordinator, which holds the folder, drops blobs.</summary>
    public void Delete(BlobRef blob)
    {
    }

    private Uri Address(string name) => new(endpoint, string.Join('/', name.Split('/').Select(Uri.EscapeDataString)));

    private static HttpClient Client(SslClientAuthenticationOptions? tls, HttpRetry retry)
    {
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseProxy = false, UseCookies = false, ConnectTimeout = retry.Timeout };
        if (tls is not null)
            handler.SslOptions = tls;
        return new HttpClient(handler)
        {
            Timeout = retry.Timeout, DefaultRequestVersion = HttpVersion.Version11, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            DefaultRequestHeaders = { UserAgent = { new ProductInfoHeaderValue("clusterlp", null) } },
        };
    }
}
