using System.Text;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.LpFit;
using CsCheck;

namespace ClusterLp.Core.Tests.Jobs.Checkpoints;

public sealed class CheckpointTests
{
    private static readonly BlobRef Blob = new("file:t0/scan/00000.1.1", 12, "ab");

    public static TheoryData<string> Kinds => [.. Records.Keys];

    private static Dictionary<string, CheckpointRecord> Records { get; } = new CheckpointRecord[]
    {
        Commit(new ScanFigures(double.MaxValue, double.Epsilon, new InputChecksums(ulong.MaxValue, 3))),
        Commit(new LewisFigures(0.1 + 0.2, 2, double.PositiveInfinity)),
        Commit(new CoresetFigures(7)),
        Commit(new RefineFigures(1 / 3.0)),
        Commit(new JointFigures(1 / 3.0)),
        Commit(new FactoriseFigures(ErrorSums.Zero, new ErrorSums(1, 2, 3, 4, 5), new RegressionOutcome(0.25, 6, 7, 8, long.MaxValue), ErrorSums.Zero)),
        new ReductionRecord(1, new StageId(StageKind.Refine, 3), new FitState
        {
            Stage = new StageId(StageKind.Factorise, 0), Rank = 4, Scale = 0.125, Basis = Blob, LewisBlobs = [Blob], JointBases = [Blob, Blob], JointObjectives = [1 / 3.0, 2], UBlocks = [Blob, Blob], Ours = ErrorSums.Zero,
        }),
        new RewindRecord(2, Blob.Uri),
    }.ToDictionary(record => record is CommitRecord commit ? commit.Result.Figures.GetType().Name : record.GetType().Name);

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_record_comes_back_as_it_went_and_altered_not_at_all(string kind)
    {
        byte[] line = CheckpointLine.Write(Records[kind]);
        Assert.Equal((byte)'\n', line[^1]);
        CheckpointRecord read = CheckpointLine.Read<CheckpointRecord>(line.AsSpan()[..^1])!;
        Assert.Equal(line, CheckpointLine.Write(read));
        Assert.Equal(Records[kind].GetType(), read.GetType());
        Gen.Select(Gen.Int[0, line.Length - 2], Gen.Int[0, 7]).Sample((at, bit) =>
        {
            byte[] altered = [.. line[..^1]];
            altered[at] ^= (byte)(1 << bit);
            Assert.Null(CheckpointLine.Read<CheckpointRecord>(altered));
        }, iter: 300);
    }

    [Fact]
    public void A_torn_journal_gives_every_record_that_is_whole()
    {
        using var job = new SerialJob();
        int committed = job.Run(7, out _).Committed;
        Assert.InRange(committed, 2, 6);
        string journal = Directory.GetFiles(Path.Combine(job.Directory, "checkpoints"), "*.journal").Order().Last();
        byte[] whole = File.ReadAllBytes(journal);
        JobState fresh = Fresh(job);
        for (int length = whole.Length; length >= 0; length--)
        {
            File.WriteAllBytes(journal, whole[..length]);
            JobState read = CheckpointReader.Read(Path.Combine(job.Directory, "checkpoints"), fresh, out int damaged);
            // A line that lacks nothing but its line feed is whole.
            int lines = Encoding.ASCII.GetString(whole, 0, Math.Min(length + 1, whole.Length)).Count(c => c == '\n');
            Assert.Equal(lines, read.Committed);
            Assert.Equal(length > 0 && whole[length - 1] != '\n' && (length == whole.Length || whole[length] != '\n') ? 1 : 0, damaged);
        }
    }

    [Fact]
    public void A_torn_snapshot_loses_nothing()
    {
        using var job = new SerialJob();
        JobState left = job.Run(30, out _);
        string folder = Path.Combine(job.Directory, "checkpoints");
        Assert.Equal(2, Directory.GetFiles(folder, "*.snapshot").Length);
        string newest = Directory.GetFiles(folder, "*.snapshot").Order().Last();
        byte[] bytes = File.ReadAllBytes(newest);
        JobState intact = CheckpointReader.Read(folder, Fresh(job), out int none);
        File.WriteAllBytes(newest, bytes[..(bytes.Length / 2)]);
        JobState read = CheckpointReader.Read(folder, Fresh(job), out int damaged);

        Assert.Equal((0, 1), (none, damaged));
        Assert.Equal(left.Committed, read.Committed);
        Assert.Equal(CheckpointLine.Write(intact.ToCheckpoint()), CheckpointLine.Write(read.ToCheckpoint()));
    }

    private static JobState Fresh(SerialJob job) =>
        JobState.Begin(JobRecord.Read(job.Directory)!, FitPipeline.Begin, new Epoch(9), new JobPolicy());

    private static CommitRecord Commit(StageFigures figures) => new(0, new StageId(StageKind.Scan, 0), 3, 2, new BlockResult(Blob, figures));
}
