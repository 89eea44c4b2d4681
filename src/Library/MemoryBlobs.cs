using System.Collections.Concurrent;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp;

/// <summary>A fit's intermediate results, in memory. Thread-safe.</summary>
internal sealed class MemoryBlobs : IBlobStore
{
    private readonly ConcurrentDictionary<string, byte[]> _blobs = new();

    public BlobRef Write(string name, Action<Stream> content)
    {
        var stream = new MemoryStream();
        content(stream);
        _blobs[name] = stream.ToArray();
        return new BlobRef(name, stream.Length, "");
    }

    public Stream OpenRead(BlobRef blob) => new MemoryStream(_blobs[blob.Uri], writable: false);

    public void Delete(BlobRef blob) => _blobs.TryRemove(blob.Uri, out _);

    public T[] Read<T>(BlobRef blob, string array) where T : unmanaged
    {
        using Stream stream = OpenRead(blob);
        return ArrayBlob.ReadFrom(stream).Get<T>(array);
    }
}

/// <summary>A matrix in memory as the steps read it.</summary>
internal sealed class MemoryMatrix(string name, ReadOnlyMemory<float> values, int columns) : IMatrixSource
{
    public string Name => name;

    public long Rows => values.Length / columns;

    public int Columns => columns;

    public void ReadRows(long firstRow, int count, Span<float> destination) =>
        values.Span.Slice(checked((int)(firstRow * columns)), checked(count * columns)).CopyTo(destination);

    public void Dispose()
    {
    }
}
