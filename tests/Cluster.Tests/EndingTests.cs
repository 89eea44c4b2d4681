using System.Text.Json;
using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests;

/// <summary>Ways a cluster ends before its job does: exit codes, no half output, nobody left behind.</summary>
public sealed class EndingTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    [Theory]
    [InlineData(ClusterLpProcess.Interrupt)]
    [InlineData(ClusterLpProcess.Terminate)]
    public async Task An_interrupted_coordinator_leaves_no_output_and_its_worker_ends(int signal)
    {
        using RunningCoordinator coordinator = await job.StartCoordinatorAsync();
        ClusterLpProcess worker = coordinator.StartWorker(1, "--rejoin-timeout", "2s");
        await coordinator.Paths.UnderWayAsync();
        coordinator.Process.Signal(coordinator.Process.Ignores(signal) ? ClusterLpProcess.Terminate : signal);
        await coordinator.Process.ExpectAsync(ExitCode.Interrupted);
        Assert.False(Directory.Exists(coordinator.Paths.Output));
        Assert.Contains("interrupted", await coordinator.Process.ErrorAsync());
        await worker.ExpectAsync(ExitCode.Resumable);
    }

    [Fact]
    public async Task An_interrupted_worker_hands_its_blocks_over()
    {
        using RunningCoordinator coordinator = await job.StartCoordinatorAsync();
        ClusterLpProcess leaver = coordinator.StartWorker(), stayer = coordinator.StartWorker();
        await coordinator.Paths.UnderWayAsync();
        using (JsonDocument status = JsonDocument.Parse(
            await ClusterLpProcess.RunAsync(ExitCode.Done, "status", "--coordinator", coordinator.Address, "--json")))
        {
            JsonElement reported = status.RootElement.GetProperty("status");
            Assert.Equal(job.Model, reported.GetProperty("input").GetString());
            Assert.Equal("fitting", reported.GetProperty("phase").GetString());
            Assert.Equal(HeavyTailedJob.Blocks, reported.GetProperty("progress").GetProperty("tensors")[0].GetProperty("blocks").GetInt32());
        }
        leaver.Signal(ClusterLpProcess.Terminate);
        await leaver.ExpectAsync(ExitCode.Interrupted);
        await coordinator.Process.ExpectAsync(ExitCode.Done);
        await stayer.ExpectAsync(ExitCode.Done);
        Assert.Equal(await job.ReferenceAsync(), coordinator.Paths.Digest());
        Assert.InRange(coordinator.Paths.Retries(), 0, 1);
    }

    [Fact]
    public async Task A_job_that_fails_on_a_worker_gives_the_coordinator_its_reason_and_ends_the_worker()
    {
        string model = job.ModelWithNaN(row: 8123, column: 5);
        using RunningCoordinator coordinator = await job.StartCoordinatorAsync(model);
        ClusterLpProcess worker = coordinator.StartWorker();
        await coordinator.Process.ExpectAsync(ExitCode.BadInput);
        await worker.ExpectAsync(ExitCode.Done);
        string said = await coordinator.Process.ErrorAsync();
        Assert.Contains("row 8123", said);
        Assert.Contains("column 5", said);
        Assert.False(Directory.Exists(coordinator.Paths.Output));
    }

    [Fact]
    public async Task An_address_in_use_is_refused_with_its_name()
    {
        using RunningCoordinator coordinator = await job.StartCoordinatorAsync();
        string file = Path.ChangeExtension(job.Model, ".second.json");
        await File.WriteAllTextAsync(file, $$"""{"model": "{{job.Model}}", "output": "{{job.Model}}.out", "compression": 0.3}""");
        using ClusterLpProcess second = ClusterLpProcess.Start("coordinator", "--job", file, "--listen", coordinator.Address);
        await second.ExpectAsync(ExitCode.CannotWrite);
        Assert.Contains(coordinator.Address, await second.ErrorAsync());
    }
}
