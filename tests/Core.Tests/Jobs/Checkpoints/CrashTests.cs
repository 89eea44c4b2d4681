using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.State;
using CsCheck;

namespace ClusterLp.Core.Tests.Jobs.Checkpoints;

/// <summary>Real jobs abandoned and damaged at random, and gone on with: the factors are those of an undisturbed run.</summary>
public sealed class CrashTests
{
    private static readonly Lazy<(string Digest, int Blocks)> Undisturbed = new(() =>
    {
        using var job = new SerialJob();
        return (job.Finish(out int computed), computed);
    });

    [Fact]
    public void A_job_abandoned_any_number_of_times_computes_no_committed_block_again() =>
        Gen.Int[1, 40].Array[1, 4].Sample(stops =>
        {
            using var job = new SerialJob();
            int total = 0, committed = 0;
            foreach (int stop in stops)
            {
                JobState left = job.Run(stop, out int computed);
                total += computed;
                // What was computed and not yet heard of is lost: at most the worker's two slots.
                Assert.InRange(left.Committed, committed, committed + computed);
                committed = left.Committed;
            }
            string digest = job.Finish(out int rest);
            Assert.Equal(Undisturbed.Value.Digest, digest);
            Assert.Equal(Undisturbed.Value.Blocks, committed + rest);
            Assert.InRange(total + rest, Undisturbed.Value.Blocks, Undisturbed.Value.Blocks + 2 * stops.Length);
        }, iter: 25);

    [Theory]
    [InlineData(true, null)]
    [InlineData(true, 0.5)]
    [InlineData(false, 0.45)]
    public void What_the_scan_chose_survives_any_number_of_stops(bool autoP, double? target)
    {
        JobSpec With(JobSpec spec) => spec with { AutoP = autoP, Rank = target is null ? 3 : null, TargetError = target, Dtype = ElementType.F16 };
        using var undisturbed = new SerialJob(With);
        string digest = undisturbed.Finish(out _);
        using var job = new SerialJob(With);
        for (int stop = 1; stop < 12; stop++)
            job.Run(stop, out _);
        Assert.Equal(digest, job.Finish(out _));
    }

    [Fact]
    public void Whatever_file_is_damaged_while_nobody_looks_the_factors_are_the_same() =>
        Gen.Select(Gen.Int[5, 80], Gen.Int[0, int.MaxValue], Gen.Int[0, 3]).Sample((stop, seed, how) =>
        {
            using var job = new SerialJob();
            job.Run(stop, out _);
            Damage(job.Directory, new Random(seed), how);
            Assert.Equal(Undisturbed.Value.Digest, job.Finish(out _));
        }, iter: 60);

    // Epochs are claims, not data: without them a job is anybody's.
    private static void Damage(string directory, Random random, int how)
    {
        string[] files = [.. Directory.GetFiles(directory, "*", SearchOption.AllDirectories)
            .Where(path => !path.Contains("epochs", StringComparison.Ordinal) && new FileInfo(path).Length > 0).Order()];
        string victim = files[random.Next(files.Length)];
        switch (how)
        {
            // job.json and its hashed copy are two: both gone is a new job.
            case 0 when !victim.EndsWith("plan", StringComparison.Ordinal):
                File.Delete(victim);
                break;
            case 1:
                using (FileStream file = File.OpenWrite(victim))
                    file.SetLength(random.NextInt64(file.Length));
                break;
            default:
                byte[] bytes = File.ReadAllBytes(victim);
                bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
                File.WriteAllBytes(victim, bytes);
                break;
        }
    }
}
