namespace ClusterLp.Cluster.Tests;

/// <summary>Real processes, U solved in a sample of the columns: the same bytes however the job is run.</summary>
public sealed class ActiveColumnsTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    private const int Columns = 80;

    [Fact]
    public async Task They_do_not_depend_on_workers_nor_on_one_that_is_killed()
    {
        string reference = (await job.CompressAsync("--active-columns", "80", "--workers", "3", "--threads", "1")).Digest();
        Assert.NotEqual(await job.ReferenceAsync(), reference);
        Assert.Equal(reference, await job.DigestAfterAKillInARoundAsync("active-columns", Columns, "factorise"));
    }
}
