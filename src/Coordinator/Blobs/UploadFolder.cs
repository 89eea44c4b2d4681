using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics;
using ClusterLp.Core;
using ClusterLp.Core.Faults;
using ClusterLp.Core.Jobs.Blobs;
using Microsoft.Win32.SafeHandles;

namespace ClusterLp.Coordinator.Blobs;

/// <summary>
/// Uploads that are not complete: files beside the blobs they will be, bounded in number, removed when nobody has written to
/// them for a while. Thread-safe; each upload takes one request at a time.
/// </summary>
/// <param name="durable">Flush an upload to the device before it gets its name.</param>
internal sealed class UploadFolder(bool durable) : IDisposable
{
    /// <summary>Uploads at once; more than any cluster's slots.</summary>
    private const int Most = 1024;

    /// <summary>Without a byte.</summary>
    private static readonly TimeSpan AbandonedAfter = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<string, Upload> _uploads = new();

    /// <summary>The upload's file with this request alone in it; null where another has it or there are too many.</summary>
    /// <param name="path">The blob it will be.</param>
    /// <param name="id">The worker's name for it.</param>
    public Upload? Enter(string path, string id)
    {
        string file = path + BlobNames.TemporaryMark + id;
        if (!_uploads.ContainsKey(file))
        {
            Sweep();
            if (_uploads.Count >= Most)
                return null;
        }
        Upload upload = _uploads.GetOrAdd(file, static name => new Upload(name));
        return upload.TryEnter() ? upload : null;
    }

    /// <summary>How many bytes have come; 0 for an upload nobody knows, null while another request has it.</summary>
    public long? Length(string path, string id)
    {
        if (!_uploads.TryGetValue(path + BlobNames.TemporaryMark + id, out Upload? upload))
            return 0;
        if (!upload.TryEnter())
            return null;
        using (upload)
            return upload.Length;
    }

    /// <summary>Gives the blob its name, if it is what the worker says it is. The upload is over either way.</summary>
    /// <exception cref="ClusterLpException">The disk failed (exit 73).</exception>
    public bool Commit(Upload upload, string path, long length, string checksum) => OnDisk(path, () =>
    {
        bool same = upload.Length == length && length > 0 && BlobChecksum.OfFile(upload.File) == checksum;
        if (same)
        {
            if (durable)
                Flush(upload.File);
            File.Move(upload.File, path, overwrite: true);
        }
        Remove(upload);
        return same;
    });

    private static void Flush(string file)
    {
        using SafeFileHandle handle = File.OpenHandle(file, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.FlushToDisk(handle);
    }

    /// <summary>Removes every upload that is not complete.</summary>
    public void Dispose()
    {
        foreach (Upload upload in _uploads.Values)
            Remove(upload);
    }

    private void Sweep()
    {
        foreach (Upload upload in _uploads.Values.Where(upload => upload.Idle > AbandonedAfter).ToList())
            if (upload.TryEnter())
                Remove(upload);
    }

    private void Remove(Upload upload)
    {
        _uploads.TryRemove(upload.File, out _);
        try
        {
            File.Delete(upload.File);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It only costs space.
        }
    }

    private static T OnDisk<T>(string path, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.CannotWrite(
                $"{path}: the coordinator cannot write this blob of the job directory: {e.Message}; make it writable or make room, and run the same command again.", e);
        }
    }

    /// <summary>One upload; its members are for whoever has entered it.</summary>
    internal sealed class Upload(string file) : IDisposable
    {
        private readonly SemaphoreSlim _turn = new(1, 1);
        private long _length;
        private long _touched = Stopwatch.GetTimestamp();

        public string File => file;

        /// <summary>Bytes that have come; may be read at any time.</summary>
        public long Length => Volatile.Read(ref _length);

        /// <summary>Since the last byte.</summary>
        public TimeSpan Idle => Stopwatch.GetElapsedTime(Volatile.Read(ref _touched));

        public bool TryEnter() => _turn.Wait(0);

        /// <summary>Appends what comes, until it ends or breaks: what came before a break stays.</summary>
        /// <param name="name">The blob's name.</param>
        /// <exception cref="ClusterLpException">The disk failed (exit 73).</exception>
        /// <exception cref="IOException">The connection broke.</exception>
        public async Task AppendAsync(string name, Stream body, CancellationToken cancellation)
        {
            using Stream target = OnDisk(file, () => Failpoint.Wrap(Failpoint.BlobWrite, name, OpenAtEnd()));
            byte[] buffer = ArrayPool<byte>.Shared.Rent(1 << 16);
            while (await body.ReadAsync(buffer, cancellation) is var read and > 0)
            {
                OnDisk(file, () =>
                {
                    target.Write(buffer, 0, read);
                    return true;
                });
                Volatile.Write(ref _length, Length + read);
                Volatile.Write(ref _touched, Stopwatch.GetTimestamp());
            }
            ArrayPool<byte>.Shared.Return(buffer);
        }

        // What a write that failed left behind the bytes that count is cut off.
        private FileStream OpenAtEnd()
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            var target = new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
            target.SetLength(Length);
            target.Position = Length;
            return target;
        }

        /// <summary>Leaves it to the next request.</summary>
        public void Dispose() => _turn.Release();
    }
}
