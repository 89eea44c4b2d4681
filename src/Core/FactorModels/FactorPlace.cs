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

    internal FactorPlace(FileBlobStore blobs, Epoch epoch) => (_blobs, _epoch) = (blobs, epoch);

    /// <summary>Writes a block's rows; <paramref name="rank"/>: how many numbers each has.</summary>
    /// <exception cref="ClusterLpException">The store is full or not writable (exit 73).</exception>
    public BlobRef Write(TensorPlan plan, int block, int rank, ReadOnlySpan<byte> rows)
    {
        long rowBytes = (long)rank * plan.FactorType.Size();
        // The other factor stands first where the two trade places.
        long begin = SafetensorsWriter.DataStart + (plan.Transposed ? plan.Columns * rowBytes : 0);
        return _blobs.WriteAt(NameFor(plan, rank), begin + plan.Partition.FirstRow(block) * rowBytes, rows);
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
