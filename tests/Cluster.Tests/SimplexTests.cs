namespace ClusterLp.Cluster.Tests;

/// <summary>Real processes, rows as mixtures of archetypes: the same bytes however the job is run.</summary>
public sealed class SimplexTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    [Fact]
    public async Task It_does_not_depend_on_workers_nor_on_one_that_is_killed()
    {
        string reference = (await job.CompressAsync("--method", "simplex", "--workers", "1", "--threads", "1")).Digest();
        Assert.Equal(reference, (await job.CompressAsync("--method", "simplex", "--workers", "3", "--threads", "2")).Digest());
        Assert.Equal(reference, await job.DigestAfterAKillInARoundAsync("method", "simplex"));
    }
}
