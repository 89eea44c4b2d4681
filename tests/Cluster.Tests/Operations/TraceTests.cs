using System.Globalization;
using ClusterLp.Cluster.Tests.Security;
using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests.Operations;

/// <summary>Traces of real processes, as a collector receives them.</summary>
public sealed class TraceTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    [Fact]
    public async Task A_cluster_job_is_one_trace_with_a_span_a_block_even_across_a_restart()
    {
        using var collector = new Collector();
        // With certificates, under which nodes send nothing in the clear but what they were told to.
        using var authority = new TestAuthority();
        var traced = new Dictionary<string, string> { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Address };
        (JobPaths paths, string file) = job.WriteJob(job.Model);
        string address = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{ClusterLpProcess.FreePort()}");
        using var worker = ClusterLpProcess.Start(["worker", "--coordinator", address, "--threads", "2", .. authority.Options, "--otlp", collector.Address + "/"]);
        using (var gate = new Gate("coordinator.reduce/coreset"))
        {
            using var first = ClusterLpProcess.Start(gate.Environment(), ["coordinator", "--job", file, "--listen", address, "--otlp", collector.Address, .. authority.Options]);
            await gate.ReachedAsync();
            first.Signal(ClusterLpProcess.Terminate);
            await gate.OpenAsync();
            await first.ExpectAsync(ExitCode.Interrupted);
        }
        using var second = ClusterLpProcess.Start(traced, ["coordinator", "--job", file, "--listen", address, .. authority.Options]);
        await second.ExpectAsync(ExitCode.Done);
        await worker.ExpectAsync(ExitCode.Done);
        Assert.Equal(await job.ReferenceAsync(), paths.Digest());
        Check(collector.Spans);
    }

    private static void Check(IReadOnlyCollection<Span> spans)
    {
        Assert.Single(spans.DistinctBy(span => span.Trace));
        Assert.Equal(spans.Count, spans.DistinctBy(span => span.Id).Count());
        Dictionary<string, Span> byId = spans.ToDictionary(span => span.Id);
        Span[] jobs = [.. spans.Where(span => span.Name == "job").OrderBy(span => span.Start)];
        Assert.Equal(["1", "2"], jobs.Select(span => span["epoch"]));
        Assert.Equal([true, false], jobs.Select(span => span.Failed));
        Assert.All(jobs, span => Assert.Equal("", span.Parent));

        Span[] stages = [.. spans.Where(span => span.Name.StartsWith("stage ", StringComparison.Ordinal))];
        Assert.All(stages, stage => Assert.Equal("job", byId[stage.Parent].Name));
        Assert.Equal(["coreset", "factorise", "lewis", "refine", "scan"], stages.Select(stage => stage["stage"].Split('-')[0]).Distinct().Order());

        Span[] blocks = [.. spans.Where(span => span.Name == "block")];
        foreach (IGrouping<string, Span> stage in blocks.GroupBy(block => block["stage"]))
        {
            // A worker that had to ask twice to be let in may have been given blocks twice: these have another attempt.
            Assert.Equal(Enumerable.Range(0, HeavyTailedJob.Blocks),
                stage.Where(block => !block.Failed).Select(block => int.Parse(block["block"], CultureInfo.InvariantCulture)).Distinct().Order());
            // Attempts are counted anew by a coordinator started again, which hands out what the first had handed out and lost.
            Assert.Equal(stage.Count(), stage.DistinctBy(block => (block["block"], block["attempt"], byId[byId[block.Parent].Parent]["epoch"])).Count());
            Assert.All(stage, block =>
            {
                Span parent = byId[block.Parent];
                Assert.Equal("stage " + stage.Key.Split('-')[0], parent.Name);
                Assert.Equal(stage.Key, parent["stage"]);
                Assert.InRange(block.Start, parent.Start, ulong.MaxValue);
                Assert.InRange(block.End, block.Start + 1, ulong.MaxValue);
                Assert.Equal("matrix", block["tensor"]);
                Assert.Equal(HeavyTailedJob.BlockRows.ToString(CultureInfo.InvariantCulture), block["rows"]);
                Assert.InRange(int.Parse(block["attempt"], CultureInfo.InvariantCulture), 1, 5);
            });
        }
        Assert.Equal(stages.Select(stage => stage["stage"]).Distinct().Order(), blocks.Select(block => block["stage"]).Distinct().Order());
        Assert.All(spans.Where(span => span.Name == "reduce"), reduce => Assert.StartsWith("stage ", byId[reduce.Parent].Name));
        Assert.Equal(jobs[1].Id, Assert.Single(spans, span => span.Name == "output").Parent);
    }

    [Fact]
    public async Task A_collector_that_is_away_costs_a_warning_and_nothing_else()
    {
        string nobody = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{ClusterLpProcess.FreePort()}");
        JobPaths paths = await job.CompressAsync();
        string output = paths.Output + "-untraced";
        using var process = ClusterLpProcess.Start(new Dictionary<string, string> { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = nobody },
            "compress", job.Model, "--compression", "0.3", "--p", "1", "--block-rows", "500", "--output", output);
        await process.ExpectAsync(ExitCode.Done);
        Assert.Contains($"traces do not arrive at {nobody}/v1/traces", await process.ErrorAsync());
        Assert.Equal(paths.Digest(), (paths with { Output = output }).Digest());
    }
}
