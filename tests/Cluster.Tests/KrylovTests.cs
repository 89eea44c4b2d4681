namespace ClusterLp.Cluster.Tests;

/// <summary>Real processes, the block Krylov iteration: the same bytes however the job is run.</summary>
public sealed class KrylovTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    [Fact]
    public async Task Its_factors_do_not_depend_on_workers_nor_on_one_that_is_killed()
    {
        string reference = (await job.CompressAsync("--method", "krylov", "--workers", "1", "--threads", "1")).Digest();
        foreach ((string workers, string threads) in new[] { ("2", "1"), ("3", "2") })
            Assert.Equal(reference, (await job.CompressAsync("--method", "krylov", "--workers", workers, "--threads", threads)).Digest());
        Assert.Equal(reference, await job.DigestAfterAKillInARoundAsync("method", "krylov"));
    }
}
