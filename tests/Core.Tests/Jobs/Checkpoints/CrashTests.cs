using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.Tests.Formats;
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
    public void What_the_scan_chose_survives_any_number_of_stops(bool autoP, double? target) =>
        SameAfterStops(spec => spec with { AutoP = autoP, Rank = target is null ? 3 : null, TargetError = target, Dtype = ElementType.F16 });

    [Theory]
    [InlineData(0.01, Method.Svd, null)]
    [InlineData(0.1, Method.Lp, null)]
    [InlineData(0.05, Method.Lp, 6)]
    public void Exact_rows_and_sampled_columns_are_the_same_after_any_number_of_stops(double share, Method method, int? columns) =>
        SameAfterStops(spec => spec with { ExactRows = share, Method = method, ActiveColumns = columns });

    [Theory]
    [InlineData(1.5)]
    [InlineData(2)]
    public void Subspaces_are_the_same_after_any_number_of_stops(double p) =>
        SameAfterStops(spec => spec with { Fit = Fit.Auto, Subspaces = 2, P = p });

    [Theory]
    [InlineData(null, 1)]
    [InlineData(3, 0)]
    public void A_krylov_iteration_is_the_same_after_any_number_of_stops(int? passes, int rank) =>
        SameAfterStops(spec => spec with { Fit = Fit.Auto, Method = Method.Krylov, Passes = passes, Rank = 1 + rank });

    [Fact]
    public void A_simplex_is_the_same_after_any_number_of_stops() =>
        SameAfterStops(spec => spec with { Fit = Fit.Auto, Method = Method.Simplex, Rank = 4, Smoothing = 0.05, Refine = 2 });

    [Theory]
    [InlineData(0.45)]
    [InlineData(0.2)]
    public void A_krylov_iteration_that_is_to_find_its_rank_is_the_same_after_any_number_of_stops(double target) =>
        SameAfterStops(spec => spec with { Fit = Fit.Auto, Method = Method.Krylov, Rank = null, TargetError = target, P = 2 });

    // As computed in one run, whenever and however often the job is stopped before.
    private static void SameAfterStops(Func<JobSpec, JobSpec> with)
    {
        using var undisturbed = new SerialJob(with);
        string digest = undisturbed.Finish(out _);
        using var job = new SerialJob(with);
        for (int stop = 1; stop < 12; stop++)
            job.Run(stop, out _);
        Assert.Equal(digest, job.Finish(out _));
    }

    [Fact]
    public void A_column_metric_is_read_once_and_must_stay_as_it_is()
    {
        using var folder = new TemporaryFolder();
        double[] metric = [.. Enumerable.Range(0, SerialJob.Columns * SerialJob.Columns).Select(i => i / SerialJob.Columns == i % SerialJob.Columns ? 2.0 + i % 3 : 0.5)];
        string path = folder.Write("h.npy", Craft.Npy("<f8", $"({SerialJob.Columns}, {SerialJob.Columns})", Craft.Bytes(metric)));
        JobSpec With(JobSpec spec) => spec with { Tensors = ["a"], ColumnMetric = path };
        using var undisturbed = new SerialJob(With);
        string digest = undisturbed.Finish(out _);
        using var job = new SerialJob(With);
        for (int stop = 4; stop < 12; stop++)
            job.Run(stop, out _);
        byte[] before = File.ReadAllBytes(path);
        metric[0] = 9;
        folder.Write("h.npy", Craft.Npy("<f8", $"({SerialJob.Columns}, {SerialJob.Columns})", Craft.Bytes(metric)));
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(1));
        var refused = Assert.Throws<ClusterLpException>(() => job.Run(1, out _));
        Assert.Equal((ExitCode.BadInput, true), (refused.Code, refused.Message.StartsWith(path, StringComparison.Ordinal)));
        folder.Write("h.npy", before);
        using var third = new SerialJob(With);
        Assert.Equal(digest, third.Finish(out _));
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
