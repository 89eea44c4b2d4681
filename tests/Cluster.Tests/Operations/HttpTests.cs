using System.Globalization;
using System.Net;
using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests.Operations;

/// <summary><c>--http</c> of real processes: probes, and figures that agree with what the job did.</summary>
public sealed class HttpTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    private const int Workers = 1, Threads = 2;

    [Fact]
    public async Task Probes_follow_the_cluster_and_figures_agree_with_what_was_done()
    {
        using var gate = new Gate("coordinator.reduce/coreset");
        int port = ClusterLpProcess.FreePort();
        string address = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");
        using var worker = ClusterLpProcess.Start("worker", "--coordinator", address, "--threads", "2", "--http", "127.0.0.1:0");
        using Endpoint ofWorker = await Endpoint.OfAsync(worker);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "looking for the coordinator\n"), await ofWorker.GetAsync("/healthz/ready"));
        Assert.Equal(HttpStatusCode.OK, (await ofWorker.GetAsync("/healthz/live")).Status);

        (JobPaths paths, string file) = job.WriteJob(job.Model);
        using var coordinator = ClusterLpProcess.Start(gate.Environment(), "coordinator", "--job", file, "--listen", address, "--http", "127.0.0.1:0");
        using Endpoint ofCoordinator = await Endpoint.OfAsync(coordinator);
        await ofCoordinator.ReadyAsync();
        await ofWorker.ReadyAsync();
        await gate.ReachedAsync();

        Assert.Equal((HttpStatusCode.OK, "alive\n"), await ofCoordinator.GetAsync("/healthz/live"));
        CheckCoordinator(await ofCoordinator.ScrapeAsync());
        CheckWorker(await ofWorker.ScrapeAsync());
        Assert.Equal(HttpStatusCode.NotFound, (await ofCoordinator.GetAsync("/")).Status);
        foreach (string path in (string[])["/metrics", "/healthz/ready", "/"])
            Assert.Equal(HttpStatusCode.MethodNotAllowed, await ofCoordinator.SendAsync(HttpMethod.Post, path));
        string everything = (await ofCoordinator.GetAsync("/metrics")).Body + (await ofWorker.GetAsync("/metrics")).Body;
        Assert.DoesNotContain(Path.GetFileNameWithoutExtension(job.Model), everything);

        await gate.OpenAsync();
        await coordinator.ExpectAsync(ExitCode.Done);
        await worker.ExpectAsync(ExitCode.Done);
        Assert.Equal(await job.ReferenceAsync(), paths.Digest());
    }

    [Fact]
    public async Task An_address_in_use_is_refused_before_any_work()
    {
        using var taken = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        string port = ((IPEndPoint)taken.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
        using var process = ClusterLpProcess.Start("compress", job.Model, "--rank", "4", "--output", job.Model + ".none", "--http", "127.0.0.1:" + port);
        await process.ExpectAsync(ExitCode.CannotWrite);
        Assert.Contains($"cannot serve health and metrics on 127.0.0.1:{port}", await process.ErrorAsync());
        Assert.False(Directory.Exists(job.Model + ".none"));
    }

    // Held at the reduction of the coreset stage: scan, one Lewis round and the coresets are committed, and nothing else.
    private static void CheckCoordinator(Scrape scrape)
    {
        foreach (string stage in (string[])["scan", "lewis", "coreset"])
        {
            Assert.Equal(HeavyTailedJob.Blocks, scrape["clusterlp_blocks_committed_total", ("stage", stage)]);
            Assert.Equal(HeavyTailedJob.Rows, scrape["clusterlp_rows_committed_total", ("stage", stage)]);
            Assert.Equal(HeavyTailedJob.Blocks, scrape["clusterlp_lease_seconds_count", ("stage", stage)]);
        }
        Assert.Equal(0, scrape["clusterlp_blocks_committed_total", ("stage", "factorise")]);
        Assert.Equal(0, scrape["clusterlp_blocks_pending", ("stage", "coreset")]);
        Assert.Equal(1, scrape["clusterlp_reductions"]);
        Assert.Equal(1, scrape["clusterlp_reduction_seconds_count", ("stage", "scan")]);
        Assert.Equal(Workers, scrape["clusterlp_workers"]);
        Assert.Equal(Threads, scrape["clusterlp_slots"]);
        Assert.Equal(0, scrape["clusterlp_retries_total"]);
        Assert.Equal(1, scrape["clusterlp_job_phase", ("phase", "fitting")]);
        Assert.InRange(scrape["clusterlp_job_progress_ratio"], 0.01, 0.9);
        Assert.InRange(scrape["clusterlp_checkpoint_seconds_count"], 1, 3 * HeavyTailedJob.Blocks);
        Assert.Equal("counter", scrape.Types["clusterlp_blocks_committed_total"]);
        Assert.Equal("gauge", scrape.Types["clusterlp_blocks_pending"]);
        Assert.Equal("histogram", scrape.Types["clusterlp_lease_seconds"]);
    }

    private static void CheckWorker(Scrape scrape)
    {
        Assert.Equal(HeavyTailedJob.Blocks, scrape["clusterlp_block_seconds_count", ("stage", "scan"), ("outcome", "computed")]);
        Assert.Equal(Threads, scrape["clusterlp_worker_slots"]);
        Assert.Equal(0, scrape["clusterlp_worker_blocks"]);
        // Scan and Lewis round read all entries, the coresets some rows.
        const double entries = 4.0 * HeavyTailedJob.Rows * HeavyTailedJob.Columns;
        Assert.InRange(scrape["clusterlp_input_bytes_total"], 2 * entries, 3 * entries);
        Assert.InRange(scrape["clusterlp_blob_bytes_total", ("direction", "written")], HeavyTailedJob.Blocks * 4 * HeavyTailedJob.Columns * HeavyTailedJob.Columns, 1e9);
        Assert.InRange(scrape["clusterlp_kernel_seconds_total", ("kind", "gram")], double.Epsilon, 1e3);
        Assert.InRange(scrape["dotnet_process_memory_working_set_bytes"], 1 << 20, 1e12);
    }
}
