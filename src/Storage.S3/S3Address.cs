using ClusterLp.Core;
using ClusterLp.Core.Storage;

namespace ClusterLp.Storage.S3;

/// <summary><c>s3://bucket/key</c>.</summary>
/// <param name="Bucket">Named.</param>
/// <param name="Key">Empty: the whole bucket.</param>
internal readonly record struct S3Address(string Bucket, string Key)
{
    private const string Scheme = "s3://";

    /// <exception cref="ClusterLpException">Not such an address (exit 64).</exception>
    public static S3Address Parse(string address)
    {
        string path = ObjectStores.Normalise(address)[Scheme.Length..];
        int slash = path.IndexOf('/');
        return slash < 0 ? new S3Address(path, "") : new S3Address(path[..slash], path[(slash + 1)..]);
    }

    /// <summary>Of an object.</summary>
    /// <exception cref="ClusterLpException">It names a bucket alone (exit 64).</exception>
    public static S3Address ParseObject(string address) => Parse(address) is { Key.Length: > 0 } found
        ? found
        : throw ClusterLpException.Usage($"{address}: this is a bucket; expected {address}/PREFIX.");

    /// <summary>What the keys of its objects begin with.</summary>
    public string Prefix => Key.Length == 0 ? "" : Key + "/";

    public static string Of(string bucket, string key) => $"{Scheme}{bucket}/{key}";

    public override string ToString() => Of(Bucket, Key);
}
