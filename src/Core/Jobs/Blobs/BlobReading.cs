namespace ClusterLp.Core.Jobs.Blobs;

public static class BlobReading
{
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
