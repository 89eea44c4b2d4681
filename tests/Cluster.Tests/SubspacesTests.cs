namespace ClusterLp.Cluster.Tests;

/// <summary>Real processes, rows in several subspaces: the same bytes however the job is run.</summary>
public sealed class SubspacesTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    private const int Subspaces = 3;

    [Fact]
    public async Task They_do_not_depend_on_workers_nor_on_one_that_is_killed()
    {
        string reference = (await job.CompressAsync("--subspaces", "3", "--workers", "1", "--threads", "1")).Digest();
        foreach ((string workers, string threads) in new[] { ("2", "1"), ("3", "2") })
            Assert.Equal(reference, (await job.CompressAsync("--subspaces", "3", "--workers", workers, "--threads", threads)).Digest());
        Assert.Equal(reference, await job.DigestAfterAKillInARoundAsync("subspaces", Subspaces));
    }
}
