namespace ClusterLp.Cluster.Tests;

/// <summary>Real processes, rows stored exactly: the same bytes however the job is run.</summary>
public sealed class ExactRowsTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    private const double Share = 0.004;

    [Fact]
    public async Task They_do_not_depend_on_workers_nor_on_one_that_is_killed()
    {
        string reference = (await job.CompressAsync("--exact-rows", "0.004", "--workers", "3", "--threads", "1")).Digest();
        Assert.Equal(reference, await job.DigestAfterAKillInARoundAsync("exact-rows", Share));
    }
}
