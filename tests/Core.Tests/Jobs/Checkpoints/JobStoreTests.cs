using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Checkpoints;

namespace ClusterLp.Core.Tests.Jobs.Checkpoints;

public sealed class JobStoreTests
{
    [Fact]
    public void A_directory_of_a_job_with_other_parameters_is_refused_and_the_difference_named()
    {
        using var job = new SerialJob();
        job.Run(5, out _);
        foreach ((JobSpec spec, string difference) in ((JobSpec, string)[])
        [
            (job.Spec with { P = 1.25 }, "p is 1.5 there and 1.25 here"),
            (job.Spec with { Rank = null, Compression = 0.5 }, "rank is 3 there and not given here"),
            (job.Spec with { Tensors = ["a"] }, "tensors is [] there and [\"a\"] here"),
            (job.Spec with { Seed = 1 }, "seed is 0 there and 1 here"),
        ])
        {
            var refused = Assert.Throws<ClusterLpException>(() => job.Open(spec));
            Assert.Equal(ExitCode.BadInput, refused.Code);
            Assert.Contains(difference, refused.Message);
        }
        // Refusals leave the job as it was.
        using JobStore store = job.Open(job.Spec with { Force = true });
        Assert.True(store.State.Committed > 0);
    }

    [Fact]
    public void An_input_that_was_only_touched_is_the_same_and_one_that_changed_is_refused()
    {
        using var job = new SerialJob();
        job.Run(5, out _);
        InputRecord.AddHashes(job.Directory, [FileHashing.Hash(job.Input)], durable: false);
        File.SetLastWriteTimeUtc(job.Input, DateTime.UtcNow.AddMinutes(-3));
        job.Open().Dispose();

        byte[] bytes = File.ReadAllBytes(job.Input);
        bytes[^1] ^= 1;
        File.WriteAllBytes(job.Input, bytes);
        var changed = Assert.Throws<ClusterLpException>(() => job.Open());
        Assert.Equal(ExitCode.BadInput, changed.Code);
        Assert.Contains("the input has changed since the job began", changed.Message);
        Assert.Contains(job.Input, changed.Message);
    }

    [Fact]
    public void What_a_killed_run_left_in_the_blob_folder_is_swept()
    {
        using var job = new SerialJob();
        job.Run(20, out _);
        string orphan = Path.Combine(job.Directory, "blobs", "t0", "scan", "00000.1.9.tmp-x");
        File.WriteAllBytes(orphan, [1]);
        job.Open().Dispose();
        Assert.False(File.Exists(orphan));
    }
}
