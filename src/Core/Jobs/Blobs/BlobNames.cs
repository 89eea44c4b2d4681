using System.Globalization;

namespace ClusterLp.Core.Jobs.Blobs;

/// <summary>Names of a job's blobs: tensor, stage, then block and who-knows-which copy of it.</summary>
public static class BlobNames
{
    /// <summary>A block's blob, e.g. <c>t0/lewis-1/00004.1.2</c>: block 4, epoch 1, attempt 2. No two attempts share a name.</summary>
    public static string Block(BlockAddress address, Epoch epoch, int attempt) =>
        string.Create(CultureInfo.InvariantCulture, $"t{address.Tensor}/{address.Stage}/{address.Block:D5}.{epoch}.{attempt}");

    /// <summary>Prefix of what a stage's reduction writes, e.g. <c>t0/lewis-1/reduced.1.0</c>: epoch 1, never started over.</summary>
    public static string Reduction(int tensor, StageId stage, Epoch epoch, int rewinds) =>
        string.Create(CultureInfo.InvariantCulture, $"t{tensor}/{stage}/reduced.{epoch}.{rewinds}");
}
