using ClusterLp.Core.Faults;
using ClusterLp.Core.Storage;
using Microsoft.Win32.SafeHandles;

namespace ClusterLp.Core.Formats;

/// <summary>
/// A file, or an object of a store, read at positions; never mapped into memory, where a truncated file or a failing disk would end the process with
/// a signal instead of an error. Thread-safe. Owners are counted (<see cref="Share"/>), so a matrix stays readable after its
/// model is disposed.
/// </summary>
internal sealed class InputFile : IDisposable
{
    // One of them.
    private readonly SafeFileHandle? _handle;
    private readonly ObjectReader? _object;
    // Of a part: the file it lies in, and where.
    private readonly InputFile? _whole;
    private readonly long _start;
    private readonly string _name;
    private int _owners = 1;

    /// <summary>The path it was opened by; every message about the file begins with it.</summary>
    public string Path { get; }

    /// <summary>Bytes when it was opened, at least 1 but for a part.</summary>
    public long Length { get; }

    private InputFile(string path, SafeFileHandle handle, long length) =>
        (Path, _name, _handle, Length) = (path, System.IO.Path.GetFileName(path), handle, length);

    private InputFile(ObjectReader reader) =>
        (Path, _name, _object, Length) = (reader.Stamp.Path, System.IO.Path.GetFileName(reader.Stamp.Path), reader, reader.Length);

    private InputFile(InputFile whole, string member, long start, long length) =>
        (Path, _name, _whole, _handle, _object, _start, Length) =
            (PartPath(whole.Path, member), whole._name, whole.Share(), whole._handle, whole._object, whole._start + start, length);

    /// <summary>
    /// A stretch as a file of its own, which its owner disposes; messages about it name file and member, and count offsets from its beginning.
    /// </summary>
    /// <exception cref="ClusterLpException">It does not lie within the file (exit 65).</exception>
    public InputFile Part(string member, long start, long length)
    {
        if (start < 0 || length < 0 || start > Length - length)
            throw Bad($"member {member} takes {length} bytes from offset {start}, but the file has {Length} bytes.");
        return new InputFile(this, member, start, length);
    }

    /// <summary>A temporary file that holds what member <paramref name="member"/> of the file decodes to. Takes over <paramref name="handle"/>.</summary>
    public InputFile Decoded(string member, SafeFileHandle handle, long length) => new(PartPath(Path, member), handle, length);

    private static string PartPath(string path, string member) => $"{path}: {member}";

    /// <summary>Bytes that are best read at once: of a file what fits a cache, of an object what is worth a request.</summary>
    public int GoodRead(int ofFile) => _object is null ? ofFile : Math.Max(ofFile, 8 << 20);

    /// <summary>Whether many small reads all over it are cheap.</summary>
    public bool IsRandomAccess => _object is null or { FitsCache: true };

    /// <exception cref="ClusterLpException">Missing or unreadable (exit 66), or empty (exit 65).</exception>
    public static InputFile Open(string path)
    {
        if (ObjectStores.IsAddress(path))
            return OpenObject(path);
        SafeFileHandle? handle = null;
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            long length = RandomAccess.GetLength(handle);
            if (length == 0)
                throw ClusterLpException.BadInput($"{path}: the file is empty.");
            var file = new InputFile(path, handle, length);
            handle = null;
            return file;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw ClusterLpException.InputMissing($"{path}: no such file.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw ClusterLpException.InputMissing($"{path}: cannot be opened for reading: {e.Message}", e);
        }
        finally
        {
            handle?.Dispose();
        }
    }

    /// <summary>Fills <paramref name="destination"/> with the bytes at <paramref name="offset"/>.</summary>
    /// <exception cref="ClusterLpException">They end beyond the file, or it has shrunk since (exit 65); they cannot be read (66).</exception>
    public void Read(long offset, Span<byte> destination)
    {
        int read = ReadAt(offset, destination, Failpoint.Armed);
        if (read < destination.Length)
            throw Bad($"the file shrank while it was read: {destination.Length} bytes were expected at offset {offset}, but {read} are left; "
                + $"it had {(_whole ?? this).Length} bytes when it was opened.");
    }

    /// <summary>The bytes [offset, offset + length) as a new array, for headers; the caller has bounded the length.</summary>
    /// <exception cref="ClusterLpException">As in <see cref="Read"/>.</exception>
    public byte[] ReadHeader(long offset, int length)
    {
        CheckRange(offset, length);
        byte[] bytes = GC.AllocateUninitializedArray<byte>(length);
        int read = ReadAt(offset, bytes, faults: false);
        return read == length ? bytes : throw Bad($"the file shrank while its header was read: {length} bytes were expected at offset {offset}, but {read} are left.");
    }

    /// <summary>What the file begins with, at most <paramref name="most"/> bytes.</summary>
    public byte[] ReadStart(int most) => ReadHeader(0, (int)Math.Min(most, Length));

    /// <summary>Registers one more owner, who must dispose the file as well.</summary>
    /// <exception cref="ObjectDisposedException">The last owner has disposed it.</exception>
    public InputFile Share()
    {
        for (int owners = _owners; owners > 0; owners = _owners)
            if (Interlocked.CompareExchange(ref _owners, owners + 1, owners) == owners)
                return this;
        throw new ObjectDisposedException(Path);
    }

    /// <summary>An error about this file (exit 65): "path: what".</summary>
    public ClusterLpException Bad(string what) => ClusterLpException.BadInput($"{Path}: {what}");

    public void Dispose()
    {
        if (Interlocked.Decrement(ref _owners) != 0)
            return;
        if (_whole is not null)
        {
            _whole.Dispose();
            return;
        }
        _handle?.Dispose();
        _object?.Dispose();
    }

    private static InputFile OpenObject(string path)
    {
        var reader = new ObjectReader(ObjectStores.Normalise(path));
        if (reader.Length > 0)
            return new InputFile(reader);
        reader.Dispose();
        throw ClusterLpException.BadInput($"{path}: the object is empty.");
    }

    private int ReadAt(long offset, Span<byte> destination, bool faults)
    {
        CheckRange(offset, destination.Length);
        int done = 0;
        try
        {
            if (_object is not null)
                _object.Read(_start + offset, destination[..(done = destination.Length)]);
            while (done < destination.Length && RandomAccess.Read(_handle!, destination[done..], _start + offset + done) is var read and > 0)
                done += read;
            return faults ? Math.Min(done, Failpoint.Read(Failpoint.InputRead, _name, destination)) : done;
        }
        catch (IOException e)
        {
            throw ClusterLpException.InputMissing(
                $"{Path}: {destination.Length} bytes at offset {offset} cannot be read: {e.Message}; check the disk or the mount it lies on.", e);
        }
    }

    private void CheckRange(long offset, int length)
    {
        if (offset < 0 || offset > Length - length)
            throw Bad($"the file is truncated: {length} bytes were expected at offset {offset}, but it has {Length} bytes.");
    }
}
