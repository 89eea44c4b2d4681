using System.Security.Cryptography;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.FactorModels;

/// <summary>
/// SHA-256 of a file while blocks fill it: of its head, which is known, and of the blocks from the first on as far as they are there,
/// each compared with its checksum on the way. It computes on a thread of its own that gives way to the fit's. Thread-safe.
/// </summary>
/// <param name="blobs">The store the file is in.</param>
/// <param name="head">The bytes before the first block; they need not be in the file yet.</param>
internal sealed class PlacedHash(FileBlobStore blobs, byte[] head)
{
    // Read and hashed while in cache.
    private const int PieceBytes = 1 << 18;

    private readonly Lock _gate = new();
    private readonly Dictionary<int, BlobRef> _written = [];
    private readonly List<BlobRef> _passed = [];
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private Task _work = Task.CompletedTask;
    private bool _working, _stopped, _failed;

    /// <summary>Whether a block is being hashed, or the next is about to be.</summary>
    public bool IsWorking
    {
        get
        {
            lock (_gate)
                return _working;
        }
    }

    /// <summary>A block is in its place.</summary>
    public void Add(int block, BlobRef blob)
    {
        lock (_gate)
        {
            _written[block] = blob;
            if (_working || _stopped || !_written.ContainsKey(_passed.Count))
                return;
            _working = true;
            _work = OwnThread.Run(Work);
        }
    }

    /// <summary>No more is hashed, but for the block under way.</summary>
    public void Stop()
    {
        lock (_gate)
            _stopped = true;
    }

    /// <summary>
    /// Stops, and gives the hash, which is the caller's, and how many bytes it is of; null: it cannot be that of a file that begins
    /// so, or nothing was hashed.
    /// </summary>
    /// <param name="begin">The file's bytes before the blocks.</param>
    /// <param name="blocks">The file's blocks, in order.</param>
    public (IncrementalHash Hash, long Length)? Take(ReadOnlySpan<byte> begin, IReadOnlyList<BlobRef> blocks)
    {
        Stop();
        _work.Wait(CancellationToken.None);
        return !_failed && _passed.Count > 0 && begin.SequenceEqual(head) && _passed.SequenceEqual(blocks.Take(_passed.Count))
            ? (_hash, head.Length + _passed.Sum(blob => blob.Length))
            : null;
    }

    private void Work()
    {
        ThreadNiceness.GiveWay();
        var piece = new byte[PieceBytes];
        while (Next() is { } blob)
            try
            {
                if (_passed.Count == 0)
                    _hash.AppendData(head);
                using Stream stream = blobs.OpenRead(blob);
                for (int read; (read = stream.Read(piece)) > 0;)
                    _hash.AppendData(piece, 0, read);
                lock (_gate)
                    _passed.Add(blob);
            }
            catch (Exception e) when (e is ClusterLpException or IOException)
            {
                // Whoever writes the output reads the block again, and says so.
                _failed = true;
                Stop();
            }
    }

    private BlobRef? Next()
    {
        lock (_gate)
        {
            BlobRef? next = _stopped ? null : _written.GetValueOrDefault(_passed.Count);
            _working = next is not null;
            return next;
        }
    }
}
