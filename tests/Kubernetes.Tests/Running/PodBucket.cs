using System.Globalization;
using System.Net;
using ClusterLp.Cluster.Tests.Network;
using ClusterLp.Cluster.Tests.ObjectStorage;

namespace ClusterLp.Kubernetes.Tests.Running;

/// <summary>
/// An object store as pods find it: by a name that leads to the bridge between them, with the variables of a Secret. The
/// test reaches the same objects at an address of its own.
/// </summary>
internal sealed class PodBucket : IAsyncDisposable
{
    public const string Host = "storage.example";

    /// <summary>The one that the overlay's network policy lets pods reach anywhere.</summary>
    private const int Port = 443;

    private const string Scheme = "s3://";

    private readonly S3Server _server;

    private PodBucket(S3Server server, string root) => (_server, Root) = (server, root);

    /// <summary>What the Secret is to hold.</summary>
    public static IReadOnlyDictionary<string, string> Variables { get; } = new Dictionary<string, string>
    {
        ["AWS_ACCESS_KEY_ID"] = S3Server.Account,
        ["AWS_SECRET_ACCESS_KEY"] = S3Server.Account,
        ["AWS_REGION"] = S3Server.Region,
        // In the clear: pods' images trust public authorities only, and none certifies this name.
        ["AWS_ENDPOINT_URL_S3"] = string.Create(CultureInfo.InvariantCulture, $"http://{Host}:{Port}"),
    };

    /// <summary>The bucket, <c>s3://NAME</c>.</summary>
    public string Root { get; }

    /// <summary>Keys of multipart uploads that are neither complete nor aborted.</summary>
    public IEnumerable<string> OpenUploads => _server.Front.OpenUploads;

    /// <param name="lab">The pods' network.</param>
    /// <param name="root">A bucket, <c>s3://NAME</c>, which is made.</param>
    public static async Task<PodBucket> StartAsync(NetworkLab lab, string root)
    {
        var bucket = new PodBucket(new S3Server(root[Scheme.Length..]), root);
        try
        {
            await bucket._server.InitializeAsync();
            await bucket._server.Front.ListenAsync(new IPEndPoint(NetworkLab.BridgeAddress, Port), at => BridgeSocket.Bind(lab.Hub, at));
            return bucket;
        }
        catch
        {
            await bucket.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();
}
