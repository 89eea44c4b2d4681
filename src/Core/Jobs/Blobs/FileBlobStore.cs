using ClusterLp.Core.Faults;

namespace ClusterLp.Core.Jobs.Blobs;

/// <summary>
/// Blobs as files under one folder, on one machine or on a volume that every process of the cluster mounts. A reference
/// is <c>file:</c> and a path relative to the root, so each process resolves it against its own mount and no sender can
/// point outside it. Thread-safe.
/// </summary>
/// <param name="root">Folder of the blobs; created when the first one is written.</param>
/// <param name="durable">Flush every blob to the device before it gets its name (survives power loss, not only crashes).</param>
public sealed class FileBlobStore(string root, bool durable = false) : IOwnedBlobStore
{
    private readonly string _root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));

    /// <summary>The absolute path of the root folder.</summary>
    public string Root => _root;

    /// <summary>Whether blobs are flushed to the device before they get their names.</summary>
    public bool IsDurable => durable;

    public BlobRef Write(string name, Action<Stream> content)
    {
        string path = Resolve(name) ?? throw new ArgumentException($"blob name \"{name}\" is not a relative path inside the store", nameof(name));
        string temporary = path + BlobNames.TemporaryMark + Guid.NewGuid().ToString("N");
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            BlobRef written;
            using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                using var hashing = new HashedStream(Failpoint.Wrap(Failpoint.BlobWrite, name, file), leaveOpen: true);
                content(hashing);
                hashing.Flush();
                file.Flush(flushToDisk: durable);
                written = BlobNames.Reference(name, hashing.BytesPassed, hashing.Checksum());
            }
            File.Move(temporary, path, overwrite: true);
            return written;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.CannotWrite($"{path}: cannot write this blob of the job directory: {e.Message}; make it writable or make room, and run the same command again.", e);
        }
        finally
        {
            TryDelete(temporary);
        }
    }

    public Stream OpenRead(BlobRef blob)
    {
        string path = Resolve(blob) ?? throw new BlobCorruptException(blob, "its address does not lie in this job's blob folder");
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1 << 16, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BlobCorruptException(blob, $"cannot be opened at {path} ({e.Message})", e);
        }
        if (file.Length == blob.Length)
            return new VerifiedStream(Failpoint.Wrap(Failpoint.BlobRead, BlobNames.Of(blob)!, file, blob.Length), blob);
        long found = file.Length;
        file.Dispose();
        throw new BlobCorruptException(blob, $"has {found} bytes instead of {blob.Length}");
    }

    public void Delete(BlobRef blob)
    {
        if (Resolve(blob) is { } path)
            TryDelete(path);
    }

    /// <summary>Deletes every other file of the store: what killed runs left.</summary>
    public void RetainOnly(IEnumerable<BlobRef> needed)
    {
        if (!Directory.Exists(_root))
            return;
        HashSet<string> kept = [.. needed.Select(Resolve).OfType<string>()];
        foreach (string path in Directory.EnumerateFiles(_root, "*", SearchOption.AllDirectories).Where(path => !kept.Contains(path)).ToList())
            TryDelete(path);
    }

    private string? Resolve(BlobRef blob) => BlobNames.Of(blob) is { } name ? Resolve(name) : null;

    /// <summary>The absolute path of a blob's name, or null where it does not lie in the store.</summary>
    public string? Resolve(string name) => BlobNames.IsInside(name) ? Path.Combine(_root, name) : null;

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A blob nobody reads any more only costs space.
        }
    }
}
