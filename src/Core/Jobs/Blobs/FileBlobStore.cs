using System.Security.Cryptography;
using ClusterLp.Core.Faults;

namespace ClusterLp.Core.Jobs.Blobs;

/// <summary>
/// Blobs as files under one folder, on one machine or on a volume that every process of the cluster mounts. A reference
/// is <c>file:</c> and a path relative to the root, so each process resolves it against its own mount and no sender can
/// point outside it. Thread-safe.
/// </summary>
/// <param name="root">Folder of the blobs; created when the first one is written.</param>
/// <param name="durable">Flush every blob to the device before it gets its name (survives power loss, not only crashes).</param>
public sealed class FileBlobStore(string root, bool durable = false) : IBlobStore
{
    private const string Scheme = "file:";
    private readonly string _root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));

    /// <summary>The absolute path of the root folder.</summary>
    public string Root => _root;

    public BlobRef Write(string name, Action<Stream> content)
    {
        string path = Resolve(name) ?? throw new ArgumentException($"blob name \"{name}\" is not a relative path inside the store", nameof(name));
        string temporary = $"{path}.tmp-{Guid.NewGuid():N}";
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
                written = new BlobRef(Scheme + name, hashing.BytesPassed, hashing.Digest());
            }
            File.Move(temporary, path, overwrite: true);
            return written;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.CannotWrite($"{path}: cannot write this blob of the job directory: {e.Message}", e);
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
            return new VerifiedStream(Failpoint.Wrap(Failpoint.BlobRead, blob.Uri[Scheme.Length..], file, blob.Length), blob);
        long found = file.Length;
        file.Dispose();
        throw new BlobCorruptException(blob, $"has {found} bytes instead of {blob.Length}");
    }

    public void Delete(BlobRef blob)
    {
        if (Resolve(blob) is { } path)
            TryDelete(path);
    }

    /// <summary>Whether a blob is there with the length and hash told; reads it whole.</summary>
    public bool IsIntact(BlobRef blob, CancellationToken cancellation)
    {
        try
        {
            using Stream stream = OpenRead(blob);
            var buffer = new byte[1 << 18];
            while (stream.Read(buffer) > 0)
                cancellation.ThrowIfCancellationRequested();
            return true;
        }
        catch (Exception e) when (e is BlobCorruptException or IOException)
        {
            return false;
        }
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

    private string? Resolve(BlobRef blob) => blob.Uri.StartsWith(Scheme, StringComparison.Ordinal) ? Resolve(blob.Uri[Scheme.Length..]) : null;

    private string? Resolve(string name)
    {
        bool plain = name.Length > 0 && !name.Contains('\0') && !name.Contains('\\') && !Path.IsPathRooted(name)
            && name.Split('/').All(part => part is not ("" or "." or ".."));
        return plain ? Path.Combine(_root, name) : null;
    }

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

    /// <summary>Hashes what is written through it.</summary>
    private sealed class HashedStream(Stream inner, bool leaveOpen) : PassingStream(inner, leaveOpen)
    {
        public override bool CanWrite => true;

        public string Digest() => Convert.ToHexStringLower(Hash.GetHashAndReset());

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            Inner.Write(buffer);
            Pass(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
    }

    /// <summary>Hashes what is read through it and compares when the last byte has passed.</summary>
    private sealed class VerifiedStream(Stream inner, BlobRef blob) : PassingStream(inner, leaveOpen: false)
    {
        private bool _compared;

        public override bool CanRead => true;

        public override int Read(Span<byte> buffer)
        {
            int read = Inner.Read(buffer);
            Pass(buffer[..read]);
            if (read == 0 && buffer.Length > 0 && BytesPassed < blob.Length)
                throw new BlobCorruptException(blob, $"ended after {BytesPassed} of {blob.Length} bytes");
            if (BytesPassed == blob.Length && !_compared)
            {
                _compared = true;
                if (Convert.ToHexStringLower(Hash.GetHashAndReset()) != blob.Sha256)
                    throw new BlobCorruptException(blob, "its contents do not match its SHA-256");
            }
            return read;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));
    }

    private abstract class PassingStream(Stream inner, bool leaveOpen) : Stream
    {
        protected Stream Inner { get; } = inner;

        protected IncrementalHash Hash { get; } = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        /// <summary>Bytes read or written so far.</summary>
        public long BytesPassed { get; private set; }

        public override bool CanRead => false;
        public override bool CanWrite => false;
        public override bool CanSeek => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => BytesPassed; set => throw new NotSupportedException(); }

        public override void Flush() => Inner.Flush();
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();

        protected void Pass(ReadOnlySpan<byte> bytes)
        {
            Hash.AppendData(bytes);
            BytesPassed += bytes.Length;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                Hash.Dispose();
                if (!leaveOpen)
                    Inner.Dispose();
            }
            base.Dispose(disposing);
        }
    }
}
