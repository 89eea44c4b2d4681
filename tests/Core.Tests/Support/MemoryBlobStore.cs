using System.Collections.Concurrent;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.Tests.Support;

/// <summary>A blob store in memory; reading a deleted or unknown blob fails as a missing file would.</summary>
public sealed class MemoryBlobStore : IBlobStore
{
    private readonly ConcurrentDictionary<string, byte[]> _blobs = new();

    public IEnumerable<string> Names => _blobs.Keys;

    public BlobRef Write(string name, Action<Stream> content)
    {
        var stream = new MemoryStream();
        content(stream);
        byte[] bytes = stream.ToArray();
        _blobs[name] = bytes;
        return new BlobRef("memory:" + name, bytes.Length, BlobChecksum.Of(bytes));
    }

    public Stream OpenRead(BlobRef blob)
    {
        if (!_blobs.TryGetValue(blob.Uri["memory:".Length..], out byte[]? bytes))
            throw new BlobCorruptException(blob, "missing");
        return new MemoryStream(bytes, writable: false);
    }

    public void Delete(BlobRef blob) => _blobs.TryRemove(blob.Uri["memory:".Length..], out _);
}
