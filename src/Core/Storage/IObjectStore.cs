namespace ClusterLp.Core.Storage;

/// <summary>A file or an object as it is now.</summary>
/// <param name="Path">Absolute path, or address such as <c>s3://bucket/key</c>.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Modified">When it was last written (UTC); whole seconds in an object store.</param>
/// <param name="Version">An object's ETag, which another content has not; null for a file.</param>
public sealed record StoredStamp(string Path, long Length, DateTime Modified, string? Version = null);

/// <summary>What one read of a range brought.</summary>
/// <param name="Read">Bytes; fewer than asked for where the object ends.</param>
/// <param name="Length">Bytes of the object whole.</param>
/// <param name="Version">Its ETag.</param>
public readonly record struct ObjectRange(int Read, long Length, string Version);

/// <summary>
/// Objects under addresses <c>SCHEME://BUCKET/KEY</c>. Reads after a write see it; an object appears whole or not at all.
/// Requests are repeated, with growing pauses, while the other side fails or cannot be reached. Thread-safe.
/// </summary>
/// <remarks>
/// Every member throws <see cref="ClusterLpException"/>: access denied or no credentials (exit 77), no such bucket (66 when
/// reading, 73 when writing), no answer after all repetitions (75).
/// </remarks>
public interface IObjectStore
{
    /// <summary>Length, time and version of an object; null where there is none.</summary>
    StoredStamp? Stat(string path);

    /// <summary>Fills <paramref name="destination"/> from <paramref name="offset"/> on, as far as the object goes.</summary>
    /// <param name="path">The object.</param>
    /// <param name="version">What it must still be; null: whatever it is.</param>
    /// <returns>Null where there is no such object.</returns>
    /// <exception cref="ObjectChangedException">It has another version.</exception>
    Task<ObjectRange?> ReadAsync(string path, string? version, long offset, Memory<byte> destination, CancellationToken cancellation);

    /// <summary>Writes an object whole; one of that name is replaced.</summary>
    void Put(string path, ReadOnlyMemory<byte> contents);

    /// <summary>Writes an object where there is none: of many who try, one does.</summary>
    /// <returns>Whether it was this call that wrote it.</returns>
    bool PutIfAbsent(string path, ReadOnlyMemory<byte> contents);

    /// <summary>Begins an object of any length; nothing is visible until <see cref="ObjectUpload.Complete"/>.</summary>
    ObjectUpload BeginUpload(string path);

    /// <summary>Every object below <c>folder/</c>, in the order of their names.</summary>
    IReadOnlyList<StoredStamp> List(string folder);

    /// <summary>Removes objects that are there.</summary>
    void Delete(IReadOnlyCollection<string> paths);

    /// <summary>Drops uploads below <c>folder/</c> that killed processes left; does nothing where the store cannot list them.</summary>
    void AbortUploads(string folder);
}

/// <summary>An object being written. What is written travels in parts; disposing without <see cref="Complete"/> drops them.</summary>
public abstract class ObjectUpload : Stream
{
    /// <summary>Sends what is still held of an object of several parts and waits for them; nothing more can be written.</summary>
    public abstract void Finish();

    /// <summary>Gives the object its name, at once and whole.</summary>
    public abstract void Complete();

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Position { get => Length; set => throw new NotSupportedException(); }
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Does nothing: see <see cref="Finish"/>.</summary>
    public override void Flush()
    {
    }
}

/// <summary>An object is not any more what it was when it was opened (exit 65).</summary>
public sealed class ObjectChangedException(string path)
    : ClusterLpException(ExitCode.BadInput, $"{path}: the object was replaced while it was read; run the job again on an input that stays as it is.");
