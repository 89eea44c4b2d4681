using ClusterLp.Core.Faults;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Jobs.Blobs;

/// <summary>
/// Blobs as objects below one prefix of an object store, which every process of the cluster reaches by itself. References are
/// those of a folder. An object appears whole when its last byte has arrived, so that nothing needs a temporary name.
/// Thread-safe.
/// </summary>
/// <param name="root">Address of the blobs, such as <c>s3://bucket/job/blobs</c>.</param>
public sealed class ObjectBlobStore(string root) : IOwnedBlobStore
{
    private const int DeletedAtOnce = 100;

    private readonly string _root = ObjectStores.Normalise(root);
    private readonly IObjectStore _objects = ObjectStores.Of(root);

    /// <summary>What is written has been replicated by the store when it answers.</summary>
    public bool IsDurable => true;

    /// <exception cref="ClusterLpException">Full or no such bucket (exit 73), denied (77), or not reached (75).</exception>
    public BlobRef Write(string name, Action<Stream> content)
    {
        string address = Resolve(name) ?? throw new ArgumentException($"blob name \"{name}\" is not a relative path inside the store", nameof(name));
        try
        {
            using ObjectUpload upload = _objects.BeginUpload(address);
            using var hashing = new HashedStream(Failpoint.Wrap(Failpoint.BlobWrite, name, upload), leaveOpen: true);
            content(hashing);
            BlobRef written = BlobNames.Reference(name, hashing.BytesPassed, hashing.Checksum());
            upload.Complete();
            return written;
        }
        catch (IOException e)
        {
            throw ClusterLpException.CannotWrite($"{address}: cannot write this blob of the job directory: {e.Message}; run the same command again.", e);
        }
    }

    /// <exception cref="BlobCorruptException">The blob is missing or is not what its reference says.</exception>
    /// <exception cref="ClusterLpException">Denied (exit 77) or not reached (75): no block need be computed again for that.</exception>
    public Stream OpenRead(BlobRef blob) =>
        new VerifiedStream(Failpoint.Wrap(Failpoint.BlobRead, BlobNames.Of(blob) ?? "", new ObjectDownload(_objects, Address(blob), blob), blob.Length), blob);

    public void EnsurePresent(BlobRef blob)
    {
        StoredStamp found = _objects.Stat(Address(blob)) ?? throw new BlobCorruptException(blob, $"is not at {Address(blob)}");
        if (found.Length != blob.Length)
            throw new BlobCorruptException(blob, $"has {found.Length} bytes instead of {blob.Length}");
    }

    public void Delete(BlobRef blob)
    {
        if (BlobNames.Of(blob) is { } name)
            _objects.Delete([StoredFiles.Combine(_root, name)]);
    }

    public void RetainOnly(IEnumerable<BlobRef> needed)
    {
        HashSet<string> kept = [.. needed.Select(BlobNames.Of).OfType<string>().Select(name => StoredFiles.Combine(_root, name))];
        foreach (string[] some in _objects.List(_root).Select(item => item.Path).Where(path => !kept.Contains(path)).Chunk(DeletedAtOnce))
            _objects.Delete(some);
        _objects.AbortUploads(_root);
    }

    private string? Resolve(string name) => BlobNames.IsInside(name) ? StoredFiles.Combine(_root, name) : null;

    private string Address(BlobRef blob) => BlobNames.Of(blob) is { } name
        ? StoredFiles.Combine(_root, name)
        : throw new BlobCorruptException(blob, "its address does not lie in this job's blob folder");
}
