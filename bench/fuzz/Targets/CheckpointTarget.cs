using System.Security.Cryptography;
using System.Text;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Fuzz;

/// <summary>
/// A job's checkpoint: the first line of an input is a snapshot, the others are its journal. Inputs are the JSON alone and
/// get the hashes that belong to it: a line whose hash is wrong is dropped before anything of it is parsed.
/// </summary>
internal static class CheckpointTarget
{
    private const int HashDigits = 16;

    public static Target Create(Scratch scratch)
    {
        string folder = Path.Combine(scratch.Folder, "checkpoints");
        Directory.CreateDirectory(folder);
        var blob = new BlobRef("file:t0/a", 9, "00");
        var scan = new StageId(StageKind.Scan, 0);
        var scanned = new BlockResult(blob, new ScanFigures(1, 2, new InputChecksums(4, 5)));
        var factorised = new BlockResult(blob, new FactoriseFigures(ErrorSums.Zero, new ErrorSums(1, 2, 3, 4, 5), new RegressionOutcome(0.25, 5, 6, 0, 7), ErrorSums.Zero));
        var fit = new FitState { Stage = new StageId(StageKind.Factorise, 0), Rank = 1, Scale = 0.125, Basis = blob, SvdBasis = blob };
        FitState done = fit with { Stage = new StageId(StageKind.Done, 0), UBlocks = [blob, blob] };
        byte[] snapshot = Json(CheckpointLine.Write(Fresh.ToCheckpoint()));
        byte[][] seeds =
        [
            Input(snapshot, Record(new CommitRecord(0, scan, 0, 1, scanned)), Record(new CommitRecord(0, scan, 1, 1, scanned)), Record(new ReductionRecord(0, scan, fit))),
            Input(Json(CheckpointLine.Write(new Checkpoint("j", 1, 5, [new TensorCheckpoint(fit, null, 0, [new CommitRecord(0, fit.Stage, 1, 1, factorised)])]))),
                Record(new CommitRecord(0, fit.Stage, 0, 3, factorised)), Record(new ReductionRecord(0, fit.Stage, done)), Record(new RewindRecord(0, blob.Uri))),
            Input(Json(CheckpointLine.Write(new Checkpoint("j", 2, 9, [new TensorCheckpoint(done, fit, 1, [])])))),
        ];
        string[] tokens =
        [
            "\"$type\":\"commit\"", "\"$type\":\"rewind\"", "\"$type\":\"scan\"", "\"NaN\"", "\"stage\":", "\"tensors\":null", "\"blocks\":[]", "null", "[null]",
            "{\"kind\":\"done\",\"round\":0}", "{\"kind\":\"lewis\",\"round\":1}",
        ];
        return new Target("checkpoint", seeds, [.. tokens.Select(Encoding.UTF8.GetBytes)], json => Use(folder, json));
    }

    private static JobState Fresh { get; } = JobState.Begin(
        new JobPlan(new JobId("j"), new JobSpec { Input = "in", Output = "out", Rank = 1 },
            [new TensorPlan
            {
                Index = 0, Name = "t", Rows = 2, Columns = 3, InputType = ElementType.F32, FactorType = ElementType.F32, BlockRows = 1, Rank = 1, P = 1.5,
                Method = Method.Lp, Fit = Fit.Exact, Seed = 0, Input = "in",
            }], []),
        FitPipeline.Begin, new Epoch(2), new JobPolicy());

    private static void Use(string folder, byte[] json)
    {
        var lines = new List<byte[]>();
        foreach (Range range in json.AsSpan().Split((byte)'\n'))
            lines.Add(Hashed(json[range]));
        File.WriteAllBytes(Path.Combine(folder, "000001-000001.snapshot"), lines[0]);
        File.WriteAllBytes(Path.Combine(folder, "000001-000001.journal"), [.. lines.Skip(1).SelectMany(line => line)]);
        JobState state = CheckpointReader.Read(folder, Fresh, out int damaged);
        _ = state.Progress;
        CheckpointLine.Write(state.ToCheckpoint());
        state.Without(state.Blobs.ToHashSet()).Apply(new JobStarted(default));
        state.Apply(new JobStarted(default));
        if (damaged == lines.Count)
            throw new InvalidDataException("no line is sound");
    }

    private static byte[] Hashed(byte[] json) =>
        [.. Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(json))[..HashDigits]), (byte)' ', .. json, (byte)'\n'];

    private static byte[] Record(CheckpointRecord record) => Json(CheckpointLine.Write(record));

    private static byte[] Json(byte[] line) => line[(HashDigits + 1)..^1];

    private static byte[] Input(params byte[][] lines) => [.. lines.SelectMany((line, i) => i == 0 ? line : [(byte)'\n', .. line])];
}
