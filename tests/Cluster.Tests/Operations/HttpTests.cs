using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests.Operations;

/// <summary><c>--http</c> of real processes: probes, and figures that agree with what the job did.</summary>
public sealed partial class HttpTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    private const int Workers = 1, Threads = 2;

    // All but one block of the last stage are computed before anybody looks.
    private const int Held = 20;

    [Fact]
    public async Task Probes_follow_the_cluster_and_figures_agree_with_what_was_done()
    {
        using var gate = new Gate($"worker.block/factorise/{Held}");
        int port = ClusterLpProcess.FreePort();
        string address = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");
        using var worker = ClusterLpProcess.Start(gate.Environment(), "worker", "--coordinator", address, "--threads", "2", "--http", "127.0.0.1:0");
        using Endpoint ofWorker = await Endpoint.OfAsync(worker);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "looking for the coordinator\n"), await ofWorker.GetAsync("/healthz/ready"));
        Assert.Equal(HttpStatusCode.OK, (await ofWorker.GetAsync("/healthz/live")).Status);

        (JobPaths paths, string file) = job.WriteJob(job.Model);
        using var coordinator = ClusterLpProcess.Start("coordinator", "--job", file, "--listen", address, "--http", "127.0.0.1:0");
        using Endpoint ofCoordinator = await Endpoint.OfAsync(coordinator);
        await ofCoordinator.ReadyAsync();
        await ofWorker.ReadyAsync();
        await gate.ReachedAsync();
        await JobPaths.UntilAsync(
            () => ofCoordinator.ScrapeAsync().Result["clusterlp_blocks_committed_total", ("stage", "factorise")] == HeavyTailedJob.Blocks - 1, "all other blocks");

        Assert.Equal((HttpStatusCode.OK, "alive\n"), await ofCoordinator.GetAsync("/healthz/live"));
        Scrape coordinatorFigures = await ofCoordinator.ScrapeAsync(), workerFigures = await ofWorker.ScrapeAsync();
        CheckCoordinator(coordinatorFigures);
        CheckWorker(workerFigures);
        CheckDashboard([.. coordinatorFigures.Samples, .. workerFigures.Samples]);
        CheckDocumentation([.. coordinatorFigures.Types.Keys, .. workerFigures.Types.Keys]);
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

    [Theory]
    [InlineData("sum by (stage) (rate(a_total{x=\"rate(b)\"}[5m])) / on (pod) c > 0.5", "a_total c", "x stage pod")]
    [InlineData("histogram_quantile(0.95, sum by (le, stage) (rate(a_bucket[$__rate_interval])))", "a_bucket", "le stage")]
    public void Queries_are_taken_apart(string expression, string metrics, string labels)
    {
        Query query = Query.Parse(expression);
        Assert.Equal(metrics, string.Join(' ', query.Metrics));
        Assert.Equal(labels, string.Join(' ', query.Labels));
    }

    private static void CheckCoordinator(Scrape scrape)
    {
        foreach (string stage in (string[])["scan", "lewis", "coreset"])
        {
            Assert.Equal(HeavyTailedJob.Blocks, scrape["clusterlp_blocks_committed_total", ("stage", stage)]);
            Assert.Equal(HeavyTailedJob.Rows, scrape["clusterlp_rows_committed_total", ("stage", stage)]);
            Assert.Equal(HeavyTailedJob.Blocks, scrape["clusterlp_lease_seconds_count", ("stage", stage)]);
            Assert.Equal(1, scrape["clusterlp_reduction_seconds_count", ("stage", stage)]);
        }
        Assert.Equal(HeavyTailedJob.Rows - HeavyTailedJob.BlockRows, scrape["clusterlp_rows_committed_total", ("stage", "factorise")]);
        Assert.Equal(HeavyTailedJob.Blocks, scrape["clusterlp_blocks_assigned_total", ("stage", "factorise")]);
        Assert.Equal(0, scrape["clusterlp_blocks_pending", ("stage", "factorise")]);
        Assert.Equal(1, scrape["clusterlp_blocks_leased", ("stage", "factorise")]);
        Assert.Equal(0, scrape["clusterlp_reductions"]);
        Assert.Equal(Workers, scrape["clusterlp_workers"]);
        Assert.Equal(Threads, scrape["clusterlp_slots"]);
        Assert.Equal(0, scrape["clusterlp_retries_total"]);
        Assert.Equal(1, scrape["clusterlp_job_phase", ("phase", "fitting")]);
        Assert.InRange(scrape["clusterlp_job_progress_ratio"], 0.5, 0.99);
        Assert.InRange(scrape["clusterlp_job_remaining_seconds"], 0.001, 60);
        Assert.InRange(scrape["clusterlp_checkpoint_seconds_count"], 1, 12 * HeavyTailedJob.Blocks);
        Assert.Equal("counter", scrape.Types["clusterlp_blocks_committed_total"]);
        Assert.Equal("gauge", scrape.Types["clusterlp_blocks_pending"]);
        Assert.Equal("histogram", scrape.Types["clusterlp_lease_seconds"]);
    }

    private static void CheckWorker(Scrape scrape)
    {
        Assert.Equal(HeavyTailedJob.Blocks, scrape["clusterlp_block_seconds_count", ("stage", "scan"), ("outcome", "computed")]);
        Assert.Equal(Threads, scrape["clusterlp_worker_slots"]);
        Assert.Equal(1, scrape["clusterlp_worker_blocks"]);
        // Scan, Lewis round, at least one refine round and the last stage read all entries.
        const double entries = 4.0 * HeavyTailedJob.Rows * HeavyTailedJob.Columns;
        Assert.InRange(scrape["clusterlp_input_bytes_total"], 3.9 * entries, 12 * entries);
        Assert.InRange(scrape["clusterlp_blob_bytes_total", ("direction", "written")], HeavyTailedJob.Blocks * 4 * HeavyTailedJob.Columns * HeavyTailedJob.Columns, 1e9);
        Assert.InRange(scrape["clusterlp_kernel_seconds_total", ("kind", "gram")], double.Epsilon, 1e3);
        Assert.InRange(scrape["dotnet_process_memory_working_set_bytes"], 1 << 20, 1e12);
    }

    private static void CheckDashboard(IReadOnlyCollection<Sample> exported)
    {
        IReadOnlyList<Query> queries = Query.OfDashboard(Documentation("operations/clusterlp-dashboard.json"));
        Assert.InRange(queries.Count, 20, 100);
        // Labels that the scraper adds.
        HashSet<string> labels = [.. exported.SelectMany(sample => sample.Labels.Keys), "instance", "pod"];
        foreach (Query query in queries)
        {
            Assert.NotEmpty(query.Metrics);
            Assert.All(query.Metrics, metric => Assert.True(exported.Any(sample => sample.Name == metric), $"{metric} is not exported: {query.Expression}"));
            Assert.All(query.Labels, label => Assert.True(labels.Contains(label), $"no sample has the label {label}: {query.Expression}"));
        }
    }

    private static void CheckDocumentation(IEnumerable<string> families)
    {
        HashSet<string> documented = [.. MetricName().Matches(File.ReadAllText(Documentation("operations.md"))).Select(match => match.Groups[1].Value)];
        Assert.Equal(families.Where(name => name.StartsWith("clusterlp_", StringComparison.Ordinal)).Distinct().Order(), documented.Order());
    }

    private static string Documentation(string name)
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "ClusterLp.sln")))
            folder = Path.GetDirectoryName(folder);
        return Path.Combine(folder!, "docs", name);
    }

    [GeneratedRegex("`(clusterlp_[a-z_]+)`")]
    private static partial Regex MetricName();
}
