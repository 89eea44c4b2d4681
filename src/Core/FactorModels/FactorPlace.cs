using System.Globalization;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Safetensors;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.FactorModels;

/// <summary>
/// A file among the job's blobs in which the rows of a matrix' first factor lie where the output will have them, so that they are
/// written once: <see cref="Formats.Output.FactorisedModelWriter"/> makes the file the output's. Only for a job whose blocks are
/// all computed in this process: another could come back from a long sleep and write its bytes into the finished output. Each
/// epoch has a file of its own, for the same reason. Thread-safe.
/// </summary>
public sealed class FactorPlace
{
    private readonly FileBlobStore _blobs;
    private readonly Epoch _epoch;
    private readonly Func<int, byte[]>? _head;
    private readonly Lock _gate = new();
    private (int Rank, PlacedHash Hash)? _hash;

    /// <param name="blobs">Where the file is to be.</param>
    /// <param name="epoch">The coordinator's term.</param>
    /// <param name="head">What the output's file begins with, by rank; null: not known.</param>
    internal FactorPlace(FileBlobStore blobs, Epoch epoch, Func<int, byte[]>? head) => (_blobs, _epoch, _head) = (blobs, epoch, head);

    /// <summary>Writes a block's rows; <paramref name="rank"/>: how many numbers each has.</summary>
    /// <exception cref="ClusterLpException">The store is full or not writable (exit 73).</exception>
    public BlobRef Write(TensorPlan plan, int block, int rank, ReadOnlySpan<byte> rows)
    {
        long rowBytes = (long)rank * plan.FactorType.Size();
        // The other factor stands first where the two trade places.
        long begin = SafetensorsWriter.DataStart + (plan.Transposed ? plan.Columns * rowBytes : 0);
        BlobRef blob = _blobs.WriteAt(NameFor(plan, rank), begin + plan.Partition.FirstRow(block) * rowBytes, rows);
        HashOf(rank)?.Add(block, blob);
        return blob;
    }

    /// <summary>The hash of the file of a rank; null: blocks do not follow on what its head is known to be. One rank's at a time.</summary>
    internal PlacedHash? HashOf(int rank)
    {
        if (_head is null)
            return null;
        lock (_gate)
        {
            if (_hash is { } known && known.Rank == rank)
                return known.Hash;
            _hash?.Hash.Stop();
            var hash = new PlacedHash(_blobs, _head(rank));
            _hash = (rank, hash);
            return hash;
        }
    }

    /// <summary>The file's name, and its absolute path if it is there.</summary>
    internal (string Name, string Path)? FileFor(TensorPlan plan, int rank)
    {
        string name = NameFor(plan, rank);
        return _blobs.Resolve(name) is { } path && File.Exists(path) ? (name, path) : null;
    }

    // A rank that missed its target is left behind by blocks that may still be in work.
    private string NameFor(TensorPlan plan, int rank) => string.Create(CultureInfo.InvariantCulture, $"t{plan.Index}/factorise/output.{_epoch}.{rank}");
}
