using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests;

/// <summary><c>compress</c>, one process: killed, and the same command run again.</summary>
public sealed class ResumeTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    [Theory]
    [InlineData("worker.block/refine-0=kill@3", false)]
    [InlineData("worker.block/joint-40=kill@3", false, true)]
    [InlineData("coordinator.committed/factorise=kill@9", true)]
    [InlineData("output.commit=kill", true)]
    public async Task A_killed_compression_goes_on_from_what_it_had(string death, bool named, bool joint = false)
    {
        (JobPaths paths, _) = job.WriteJob(job.Model);
        string[] command =
        [
            "compress", job.Model, "--compression", "0.3", "--p", "1", "--output", paths.Output, "--threads", "1",
            "--block-rows", $"{(joint ? HeavyTailedJob.JointBlockRows : HeavyTailedJob.BlockRows)}", "--fit", joint ? "joint" : "coreset",
            .. named ? ["--job-dir", paths.JobDirectory] : Array.Empty<string>(),
        ];
        using (ClusterLpProcess killed = ClusterLpProcess.Start(new Dictionary<string, string> { ["CLUSTERLP_FAILPOINTS"] = death }, command))
            killed.WaitForEnd();
        Assert.False(Directory.Exists(paths.Output));

        using ClusterLpProcess again = ClusterLpProcess.Start(command);
        await again.ExpectAsync(ExitCode.Done);
        Assert.Matches(@"resuming: [1-9]\d* committed blocks kept", await again.ErrorAsync());
        Assert.Equal(await (joint ? job.JointReferenceAsync() : job.ReferenceAsync()), paths.Digest());
        // Nothing hidden stays beside the output.
        Assert.Empty(Directory.GetFileSystemEntries(Path.GetDirectoryName(paths.Output)!, $".{Path.GetFileName(paths.Output)}*"));
    }

    [Fact]
    public async Task A_job_that_is_done_says_so_and_succeeds_again()
    {
        (JobPaths paths, _) = job.WriteJob(job.Model);
        string[] command = ["compress", job.Model, "--rank", "5", "--method", "svd", "--output", paths.Output, "--job-dir", paths.JobDirectory];
        await ClusterLpProcess.RunAsync(ExitCode.Done, command);
        string digest = paths.Digest();
        using ClusterLpProcess again = ClusterLpProcess.Start(command);
        await again.ExpectAsync(ExitCode.Done);
        Assert.Contains("already there", await again.ErrorAsync());
        Assert.Equal(digest, paths.Digest());
    }
}
