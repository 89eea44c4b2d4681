using System.Buffers;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.Jobs.Blobs;

public static class BlobReading
{
    private const int BufferBytes = 1 << 20, PieceBytes = 1 << 18;

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

    /// <summary>Whether a blob is there with the length and hash told; reads it whole.</summary>
    public static bool IsIntact(this IBlobStore blobs, BlobRef blob, CancellationToken cancellation)
    {
        try
        {
            blobs.ReadThrough(blob, cancellation);
            return true;
        }
        catch (Exception e) when (e is BlobCorruptException or IOException)
        {
            return false;
        }
    }

    /// <summary>Reads an <see cref="ArrayBlob"/> whole; length and hash are checked on the way.</summary>
    /// <exception cref="BlobCorruptException">It is missing, altered, or not an array blob.</exception>
    public static ArrayBlob ReadArrays(this IBlobStore blobs, BlobRef blob) => Read(blobs, blob, stream => ArrayBlob.ReadFrom(stream, blob.Length));

    /// <summary>
    /// As <see cref="ReadArrays(IBlobStore, BlobRef)"/>, for who reads many of one size, one after the other: they lie in
    /// <paramref name="room"/>, made anew where it is too small, until the next is read into it.
    /// </summary>
    public static ArrayBlob ReadArrays(this IBlobStore blobs, BlobRef blob, ref byte[]? room)
    {
        Memory<byte> part = KeptArray.AtLeast(ref room, checked((int)blob.Length));
        return Read(blobs, blob, stream => ArrayBlob.ReadInto(part, stream));
    }

    /// <summary>The same for a blob that is no <see cref="ArrayBlob"/>.</summary>
    public static ReadOnlyMemory<byte> ReadBytes(this IBlobStore blobs, BlobRef blob, ref byte[]? room)
    {
        Memory<byte> part = KeptArray.AtLeast(ref room, checked((int)blob.Length));
        using Stream stream = blobs.OpenRead(blob);
        stream.ReadPieces(part);
        return part;
    }

    /// <summary>Fills memory from a stream, or as much of it as there is, in pieces that are hashed while in cache; says how much.</summary>
    internal static int ReadPieces(this Stream stream, Memory<byte> room)
    {
        int read = 0;
        for (int got = 1; got > 0; read += got)
            got = stream.Read(room.Span[read..Math.Min(room.Length, read + PieceBytes)]);
        return read;
    }

    /// <summary>The bytes of an array that the blob they were read from must hold.</summary>
    /// <exception cref="BlobCorruptException">It does not.</exception>
    public static ReadOnlyMemory<byte> BytesOf(this ArrayBlob arrays, BlobRef blob, string array)
    {
        try
        {
            return arrays.Bytes(array);
        }
        catch (KeyNotFoundException e)
        {
            throw new BlobCorruptException(blob, $"it does not hold the array \"{array}\"", e);
        }
    }

    private static ArrayBlob Read(IBlobStore blobs, BlobRef blob, Func<Stream, ArrayBlob> read)
    {
        using Stream stream = blobs.OpenRead(blob);
        try
        {
            return read(stream);
        }
        catch (InvalidDataException e)
        {
            throw new BlobCorruptException(blob, e.Message, e);
        }
    }
}
