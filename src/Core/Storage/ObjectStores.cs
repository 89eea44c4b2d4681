using System.Collections.Concurrent;

namespace ClusterLp.Core.Storage;

/// <summary>The object stores this process knows, by the scheme of their addresses. Thread-safe.</summary>
public static class ObjectStores
{
    private const string Separator = "://";

    private static readonly ConcurrentDictionary<string, Lazy<IObjectStore>> Known = new(StringComparer.Ordinal);

    /// <summary>Lets addresses of a scheme lead to a store, which is made when one is first used.</summary>
    public static void Use(string scheme, Func<IObjectStore> create) => Known[scheme] = new(create);

    /// <summary>Whether a path is an address (<c>SCHEME://...</c>) and not a file's.</summary>
    public static bool IsAddress(string path)
    {
        int length = path.IndexOf(Separator, StringComparison.Ordinal);
        return length > 0 && path.AsSpan(0, length).IndexOfAnyExcept(SchemeCharacters) < 0;
    }

    private static System.Buffers.SearchValues<char> SchemeCharacters { get; } = System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789+-");

    /// <summary>The store of an address.</summary>
    /// <exception cref="ClusterLpException">Nobody knows its scheme (exit 64).</exception>
    public static IObjectStore Of(string address)
    {
        string scheme = address[..address.IndexOf(Separator, StringComparison.Ordinal)];
        return Known.TryGetValue(scheme, out Lazy<IObjectStore>? store)
            ? store.Value
            : throw ClusterLpException.Usage(
                $"{address}: {scheme}:// is no storage this program knows; expected a path of a file system or s3://BUCKET/PREFIX.");
    }

    /// <summary>An address in its one form: no slash at its end; bucket and every part of the key named.</summary>
    /// <exception cref="ClusterLpException">It is not such an address (exit 64).</exception>
    public static string Normalise(string address) => IsNormal(address)
        ? address.TrimEnd('/')
        : throw ClusterLpException.Usage($"{address}: not an address; expected s3://BUCKET/PREFIX whose parts are neither empty nor \".\" nor \"..\".");

    /// <summary>Whether <see cref="Normalise"/> takes it.</summary>
    public static bool IsNormal(string address)
    {
        string path = address.TrimEnd('/');
        int start = address.IndexOf(Separator, StringComparison.Ordinal) + Separator.Length;
        return path.Length > start && path[start..].Split('/').All(part => part is not ("" or "." or "..")) && path.AsSpan().IndexOfAny('\0', '\\') < 0;
    }
}
