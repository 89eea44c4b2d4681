using System.Security.Cryptography;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Faults;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.Formats.Output;

/// <summary>Writes to a file of the output and hashes what it writes; counts bytes, honours cancellation, and turns I/O failures into exit 73.</summary>
internal sealed unsafe class HashingStream(Stream file, string name, Action<long> written, CancellationToken cancellation) : Stream
{
    private const int LargestWrite = 4 << 20, WorthAnotherThread = 256 << 10;

    private IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private Task? _flushing;
    private long _length, _hashed;

    /// <summary>The file among the job's blobs that is being made the output's (<see cref="FactorPlace"/>), if so.</summary>
    public string? Adopted { get; init; }

    /// <summary>A hash of that file's beginning, and of how many bytes; null: of none.</summary>
    public (IncrementalHash Hash, long Length)? Ahead
    {
        init
        {
            if (value is { } ahead)
            {
                _hash.Dispose();
                (_hash, _hashed) = ahead;
            }
        }
    }

    /// <summary>Whether a blob lies in the file where the next byte goes.</summary>
    public bool Holds(BlobRef blob) => Adopted is not null && BlobNames.Of(blob) is { } name && BlobNames.Place(name) == (Adopted, _length);

    /// <summary>Whether that blob was compared and hashed ahead.</summary>
    public bool HasHashed(BlobRef blob) => _length + blob.Length <= _hashed && Holds(blob);

    /// <summary>Goes past what stands there already; <paramref name="bytes"/>: what that is.</summary>
    public void Pass(ReadOnlySpan<byte> bytes)
    {
        BeginFlush();
        _hash.AppendData(bytes);
        Pass(bytes.Length);
    }

    /// <summary>Goes past so many bytes that stand there and are hashed.</summary>
    public void Pass(long bytes)
    {
        cancellation.ThrowIfCancellationRequested();
        BeginFlush();
        _length += bytes;
        file.Position = _length;
        written(bytes);
    }

    // It goes to disk while it is hashed.
    private void BeginFlush() => _flushing ??= OwnThread.Run(Flush);

    /// <summary>Flushes to disk, closes, and says what was written.</summary>
    public FileHash Finish()
    {
        _flushing?.GetAwaiter().GetResult();
        if (Adopted is not null)
            file.SetLength(_length);
        Flush();
        Dispose();
        return new FileHash(name, _length, Convert.ToHexStringLower(_hash.GetHashAndReset()));
    }

    public override void Write(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            cancellation.ThrowIfCancellationRequested();
            ReadOnlySpan<byte> part = bytes[..Math.Min(LargestWrite, bytes.Length)];
            fixed (byte* address = part)
            {
                Task hashed = Hash((nint)address, part.Length);
                try
                {
                    Guard(part, (file, part) =>
                    {
                        Failpoint.Reach(Failpoint.OutputWrite, name);
                        file.Write(part);
                    });
                }
                finally
                {
                    hashed.Wait(CancellationToken.None);
                }
            }
            _length += part.Length;
            written(part.Length);
            bytes = bytes[part.Length..];
        }
    }

    // Beside the writing: the page cache takes as long to copy as the hash to compute.
    private Task Hash(nint address, int length)
    {
        if (_length < _hashed)
            return Task.CompletedTask;
        if (length >= WorthAnotherThread)
            return Task.Run(Append);
        Append();
        return Task.CompletedTask;

        void Append() => _hash.AppendData(new ReadOnlySpan<byte>((void*)address, length));
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() => Guard(default, static (file, _) =>
    {
        if (file is FileStream onDisk)
            onDisk.Flush(flushToDisk: true);
        else
            file.Flush();
    });

    private delegate void FileAction(Stream file, ReadOnlySpan<byte> part);

    private void Guard(ReadOnlySpan<byte> part, FileAction action)
    {
        try
        {
            action(file, part);
        }
        catch (IOException e)
        {
            throw ClusterLpException.CannotWrite($"{name}: cannot be written: {e.Message}", e);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            file.Dispose();
        base.Dispose(disposing);
    }

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => _length;
    public override long Position { get => _length; set => throw new NotSupportedException(); }
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
}
