using System.Text.Json;
using ClusterLp.Core;
using Spectre.Console;

namespace ClusterLp.Cluster.Tests.Operations;

/// <summary><c>--log-format json</c> of real processes.</summary>
public sealed class LogTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    [Fact]
    public async Task Every_line_is_an_event_that_says_what_it_is_about()
    {
        using RunningCoordinator run = await job.StartCoordinatorAsync(null, "--log-format", "json");
        using var gate = new Gate("worker.block/factorise/20");
        ClusterLpProcess worker = run.StartWorkerWith(gate.Environment("worker.block/scan/3=fail@1"), "--threads", "1", "--log-format", "json", "--verbose");
        await gate.ReachedAsync();
        // A stage tells no pace in its first 0.2 s, in which a fast machine gets to block 20.
        await Task.Delay(TimeSpan.FromSeconds(0.3));
        StringWriter seen = new(), noted = new();
        Task<int> watching = Cli.Application.RunAsync(
            ["status", "--coordinator", run.Address, "--watch", "--every", "1s", "--json"], new Cli.Terminal(Console(seen), Console(noted)), CancellationToken.None);
        await JobPaths.UntilAsync(() => seen.GetStringBuilder().Length > 0 || watching.IsCompleted, "the first snapshot");
        await gate.OpenAsync();
        await run.Process.ExpectAsync(ExitCode.Done);
        await run.JoinedWorkersEndAsync();

        JsonElement[] ofCoordinator = Events(await run.Process.ErrorAsync()), ofWorker = Events(await worker.ErrorAsync());
        string id = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(run.Paths.Output, "clusterlp.json"))).RootElement.GetProperty("jobId").GetString()!;
        JsonElement joined = ofCoordinator.First(e => Text(e, "@m").Contains("joined with", StringComparison.Ordinal));
        string name = Text(joined, "worker");
        Assert.Equal(1, joined.GetProperty("slots").GetInt32());
        Assert.All(ofCoordinator.Where(e => Text(e, "@m").StartsWith("tensor ", StringComparison.Ordinal)), e =>
        {
            Assert.Equal(id, Text(e, "job"));
            Assert.Equal("matrix", Text(e, "tensor"));
            Assert.Equal(HeavyTailedJob.Blocks, e.GetProperty("blocks").GetInt32());
        });
        Assert.Contains(ofCoordinator, e => Text(e, "stage") == "factorise");

        JsonElement failed = Assert.Single(ofWorker, e => Text(e, "@l") == "Warning" && e.TryGetProperty("block", out _));
        Assert.Equal((id, name, "matrix", "scan"), (Text(failed, "job"), Text(failed, "worker"), Text(failed, "tensor"), Text(failed, "stage")));
        Assert.Equal((3, 1), (failed.GetProperty("block").GetInt32(), failed.GetProperty("attempt").GetInt32()));
        Assert.Contains(ofWorker, e => Text(e, "stage") == "scan" && e.GetProperty("block").GetInt32() == 3 && e.GetProperty("attempt").GetInt32() == 2);

        // The watch saw the job from outside while block 20 was held, and ended with it.
        Assert.Equal(0, await watching);
        JsonElement first = Events(seen.ToString())[0].GetProperty("status");
        Assert.Equal(id, first.GetProperty("jobId").GetString());
        JsonElement member = Assert.Single(first.GetProperty("progress").GetProperty("members").EnumerateArray());
        Assert.Equal((name, 1, 1), (member.GetProperty("worker").GetString(), member.GetProperty("slots").GetInt32(), member.GetProperty("blocksLeased").GetInt32()));
        Assert.Equal(first.GetProperty("progress").GetProperty("blocksCommitted").GetInt32(), member.GetProperty("blocksCommitted").GetInt32());
        Assert.Equal(1, first.GetProperty("progress").GetProperty("retries").GetInt32());
        Assert.InRange(first.GetProperty("remainingSeconds").GetDouble(), 0.001, 600);
        Assert.InRange(first.GetProperty("rowsPerSecond").GetDouble(), 1, 1e7);
    }

    private static IAnsiConsole Console(TextWriter writer) =>
        AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer), Ansi = AnsiSupport.No });

    private static JsonElement[] Events(string lines) =>
        [.. lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

    private static string Text(JsonElement e, string property) => e.TryGetProperty(property, out JsonElement value) ? value.ToString() : "";
}
