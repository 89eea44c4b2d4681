using System.Security.Cryptography;
using System.Text;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Fuzz;

/// <summary>
/// A line of a checkpoint. Inputs are the JSON alone and get the hash that belongs to it: a line whose hash is wrong is
/// dropped before anything of it is parsed.
/// </summary>
internal static class CheckpointTarget
{
    private const int HashDigits = 16;

    public static Target Create()
    {
        var blob = new BlobRef("file:t0/a", 9, "00");
        var block = new BlockResult(blob, new FactoriseFigures(ErrorSums.Zero, new ErrorSums(1, 2, 3, 4, 5), 0.25, 7));
        var commit = new CommitRecord(0, new StageId(StageKind.Refine, 1), 2, 1, block);
        var fit = new FitState { Stage = new StageId(StageKind.Factorise, 0), Rank = 4, Scale = 0.125, Basis = blob, UBlocks = [blob] };
        byte[][] lines =
        [
            CheckpointLine.Write<CheckpointRecord>(commit), CheckpointLine.Write<CheckpointRecord>(new ReductionRecord(0, fit.Stage, fit)),
            CheckpointLine.Write<CheckpointRecord>(new RewindRecord(0, blob.Uri)),
            CheckpointLine.Write(new Checkpoint("j", 1, 5, [new TensorCheckpoint(fit, null, 0, [commit])])),
        ];
        string[] tokens = ["\"$type\":\"commit\"", "\"$type\":\"rewind\"", "\"$type\":\"scan\"", "\"NaN\"", "\"stage\":", "\"tensors\":null", "\"blocks\":[]"];
        return new Target("checkpoint", [.. lines.Select(line => line[(HashDigits + 1)..^1])], [.. tokens.Select(Encoding.UTF8.GetBytes)], Parse);
    }

    private static void Parse(byte[] json)
    {
        byte[] line = [.. Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(json))[..HashDigits]), (byte)' ', .. json];
        var record = CheckpointLine.Read<CheckpointRecord>(line);
        var snapshot = CheckpointLine.Read<Checkpoint>(line);
        if (record is null && snapshot is null)
            throw new InvalidDataException("neither a record nor a snapshot");
    }
}
