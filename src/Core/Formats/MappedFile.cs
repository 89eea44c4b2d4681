using System.IO.MemoryMappedFiles;

namespace ClusterLp.Core.Formats;

/// <summary>
/// A file mapped read-only into memory; every access is checked against the length it had when opened. Thread-safe.
/// Owners are counted (<see cref="Share"/>), so a matrix stays readable after its model is disposed.
/// </summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile _mapping;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;
    private int _owners = 1;

    /// <summary>The path it was opened by; every message about the file begins with it.</summary>
    public string Path { get; }

    /// <summary>Bytes, at least 1.</summary>
    public long Length { get; }

    private MappedFile(string path, FileStream stream)
    {
        Path = path;
        Length = stream.Length;
        _mapping = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        _view = _mapping.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        _start += _view.PointerOffset;
    }

    /// <exception cref="ClusterLpException">Missing or unreadable (exit 66), or empty (exit 65).</exception>
    public static MappedFile Open(string path)
    {
        try
        {
            var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            if (stream.Length == 0)
            {
                stream.Dispose();
                throw ClusterLpException.BadInput($"{path}: the file is empty.");
            }
            return new MappedFile(path, stream);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw ClusterLpException.InputMissing($"{path}: no such file.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw ClusterLpException.InputMissing($"{path}: cannot be opened for reading: {e.Message}", e);
        }
    }

    /// <summary>The bytes [offset, offset + length); valid while this file has an owner.</summary>
    /// <exception cref="ClusterLpException">The range ends beyond the file (exit 65).</exception>
    public ReadOnlySpan<byte> Span(long offset, int length)
    {
        if (offset < 0 || length < 0 || offset > Length - length)
            throw ClusterLpException.BadInput(
                $"{Path}: the file is truncated: {length} bytes were expected at offset {offset}, but it has {Length} bytes.");
        ObjectDisposedException.ThrowIf(_view.SafeMemoryMappedViewHandle.IsClosed, this);
        return new ReadOnlySpan<byte>(_start + offset, length);
    }

    /// <summary>The bytes from <paramref name="offset"/> on, at most <paramref name="most"/> of them.</summary>
    public ReadOnlySpan<byte> Window(long offset, int most) => Span(offset, (int)Math.Min(most, Length - offset));

    /// <summary>Registers one more owner, who must dispose the file as well.</summary>
    /// <exception cref="ObjectDisposedException">The last owner has disposed it.</exception>
    public MappedFile Share()
    {
        ObjectDisposedException.ThrowIf(_view.SafeMemoryMappedViewHandle.IsClosed, this);
        Interlocked.Increment(ref _owners);
        return this;
    }

    /// <summary>An error about this file (exit 65): "path: what".</summary>
    public ClusterLpException Bad(string what) => ClusterLpException.BadInput($"{Path}: {what}");

    public void Dispose()
    {
        if (Interlocked.Decrement(ref _owners) != 0)
            return;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _mapping.Dispose();
    }
}
