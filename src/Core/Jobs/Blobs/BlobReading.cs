using System.Buffers;

namespace ClusterLp.Core.Jobs.Blobs;

public static class BlobReading
{
    private const int BufferBytes = 1 << 20;

    /// <summary>Reads a blob to its end, which compares its length and hash.</summary>
    /// <exception cref="BlobCorruptException">It is missing or altered.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static void ReadThrough(this IBlobStore blobs, BlobRef blob, CancellationToken cancellation)
    {
        using Stream stream = blobs.OpenRead(blob);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            while (stream.Read(buffer) > 0)
                cancellation.ThrowIfCancellationRequested();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads an <see cref="ArrayBlob"/> whole; length and hash are checked on the way.</summary>
    /// <exception cref="BlobCorruptException">It is missing, altered, or not an array blob.</exception>
    public static ArrayBlob ReadArrays(this IBlobStore blobs, BlobRef blob)
    {
        using Stream stream = blobs.OpenRead(blob);
        try
        {
            return ArrayBlob.ReadFrom(stream, blob.Length);
        }
        catch (InvalidDataException e)
        {
            throw new BlobCorruptException(blob, e.Message, e);
        }
    }
}
