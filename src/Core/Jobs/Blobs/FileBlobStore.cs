using ClusterLp.Core.Faults;
using ClusterLp.Core.Formats.Output;

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
    // Arrays pass in large pieces, beside it.
    private const int SmallBuffer = 1 << 12;

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
            using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, SmallBuffer))
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
            throw CannotWrite(path, e);
        }
        finally
        {
            TryDelete(temporary);
        }
    }

    /// <summary>
    /// Writes a blob into its place in a file, which may be written to in other places meanwhile. Not atomic: whoever has no
    /// reference yet cannot tell it from half of it. What was written there before is lost.
    /// </summary>
    /// <param name="file">Name of the file; created if it is not there.</param>
    /// <param name="offset">Where the blob begins, bytes.</param>
    /// <param name="bytes">The blob.</param>
    /// <exception cref="ClusterLpException">As <see cref="Write"/>.</exception>
    public BlobRef WriteAt(string file, long offset, ReadOnlySpan<byte> bytes)
    {
        string path = Resolve(file) ?? throw new ArgumentException($"blob name \"{file}\" is not a relative path inside the store", nameof(file));
        string name = BlobNames.Placed(file, offset);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            using var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            stream.Position = offset;
            using var hashing = new HashedStream(Failpoint.Wrap(Failpoint.BlobWrite, name, stream), leaveOpen: true);
            hashing.Write(bytes);
            hashing.Flush();
            if (durable)
                stream.Flush(flushToDisk: true);
            else
                FileSync.Begin(stream.SafeFileHandle, offset, bytes.Length);
            return BlobNames.Reference(name, hashing.BytesPassed, hashing.Checksum());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CannotWrite(path, e);
        }
    }

    public Stream OpenRead(BlobRef blob)
    {
        string path = Resolve(blob) ?? throw new BlobCorruptException(blob, "its address does not lie in this job's blob folder");
        long? offset = BlobNames.Place(BlobNames.Of(blob)!).Offset;
        FileStream file;
        try
        {
            FileShare share = offset is null ? FileShare.Read : FileShare.ReadWrite;
            file = new FileStream(path, FileMode.Open, FileAccess.Read, share | FileShare.Delete, SmallBuffer, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BlobCorruptException(blob, $"cannot be opened at {path} ({e.Message})", e);
        }
        long found = offset is { } at ? Math.Clamp(file.Length - at, 0, blob.Length) : file.Length;
        if (found == blob.Length)
        {
            file.Position = offset ?? 0;
            return new VerifiedStream(Failpoint.Wrap(Failpoint.BlobRead, BlobNames.Of(blob)!, file, blob.Length), blob);
        }
        file.Dispose();
        throw new BlobCorruptException(blob, $"has {found} bytes instead of {blob.Length}");
    }

    /// <summary>Removes a blob if it is there; one that lies in a file among others stays with them.</summary>
    public void Delete(BlobRef blob)
    {
        if (!BlobNames.IsPlaced(blob) && Resolve(blob) is { } path)
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

    private static ClusterLpException CannotWrite(string path, Exception e) => ClusterLpException.CannotWrite(
        $"{path}: cannot write this blob of the job directory: {e.Message}; make it writable or make room, and run the same command again.", e);

    // The file that a blob is, or lies in.
    private string? Resolve(BlobRef blob) => BlobNames.Of(blob) is { } name ? Resolve(BlobNames.Place(name).File) : null;

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
