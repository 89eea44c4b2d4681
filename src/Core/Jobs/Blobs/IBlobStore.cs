namespace ClusterLp.Core.Jobs.Blobs;

/// <summary>Holds a job's blobs. Names are relative paths such as <c>t0/lewis-1/00004.1.2</c>; writing is atomic.</summary>
public interface IBlobStore
{
    /// <summary>
    /// Writes a blob under <paramref name="name"/>: to a temporary name, flushed, then renamed. Readers see all or nothing.
    /// </summary>
    /// <exception cref="ClusterLpException">The store is full or not writable (exit 73).</exception>
    BlobRef Write(string name, Action<Stream> content);

    /// <summary>Opens a blob for sequential reading; length is checked now, the hash when the stream ends.</summary>
    /// <exception cref="BlobCorruptException">The blob is missing or is not what its reference says.</exception>
    Stream OpenRead(BlobRef blob);

    /// <summary>Whether a blob is there with the length told; its contents are not read.</summary>
    /// <exception cref="BlobCorruptException">It is not.</exception>
    void EnsurePresent(BlobRef blob) => OpenRead(blob).Dispose();

    /// <summary>Removes a blob if it is there; superseded stages are dropped this way.</summary>
    void Delete(BlobRef blob);
}

/// <summary>The blobs of a job as its owner has them.</summary>
public interface IOwnedBlobStore : IBlobStore
{
    /// <summary>Whether a blob that was written survives power loss.</summary>
    bool IsDurable { get; }

    /// <summary>Removes every other blob of the store: what killed runs left.</summary>
    void RetainOnly(IEnumerable<BlobRef> needed);
}

/// <summary>A blob is missing, truncated or altered; the block that made it must be computed again.</summary>
public sealed class BlobCorruptException(BlobRef blob, string what, Exception? inner = null)
    : ClusterLpException(ExitCode.Resumable, $"blob {blob.Uri}: {what}", inner)
{
    public BlobRef Blob { get; } = blob;
}
