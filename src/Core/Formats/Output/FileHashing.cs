using System.Buffers;
using System.Security.Cryptography;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Formats.Output;

/// <summary>SHA-256 of files and objects, read in one pass.</summary>
public static class FileHashing
{
    private const int BufferBytes = 1 << 20;

    /// <summary>Of an object: several requests.</summary>
    private const int ObjectBytes = 32 << 20;

    /// <summary>Size and hash of a file; <see cref="FileHash.Path"/> is its name without the folder.</summary>
    /// <exception cref="ClusterLpException">Missing or unreadable (exit 66).</exception>
    public static FileHash Hash(string path, CancellationToken cancellation = default)
    {
        if (ObjectStores.IsAddress(path))
            return HashObject(path, cancellation);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete,
                bufferSize: 0, FileOptions.SequentialScan);
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            long total = 0;
            for (int read; (read = file.Read(buffer)) > 0; total += read)
            {
                cancellation.ThrowIfCancellationRequested();
                hash.AppendData(buffer, 0, read);
            }
            return new FileHash(Path.GetFileName(path), total, Convert.ToHexStringLower(hash.GetHashAndReset()));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.InputMissing($"{path}: cannot be read: {e.Message}", e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static FileHash HashObject(string path, CancellationToken cancellation)
    {
        using var reader = new ObjectReader(ObjectStores.Normalise(path));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[Math.Min(ObjectBytes, reader.Length)];
        for (long done = 0; done < reader.Length; done += ObjectBytes)
        {
            cancellation.ThrowIfCancellationRequested();
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(ObjectBytes, reader.Length - done));
            reader.Read(done, part);
            hash.AppendData(part);
        }
        return new FileHash(Path.GetFileName(path), reader.Length, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }
}
