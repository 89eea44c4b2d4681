using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests.Security;

/// <summary>A job's paths do not lead a process out of the folders it was given.</summary>
public sealed class PathRootTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>, IDisposable
{
    private readonly string _elsewhere = Directory.CreateTempSubdirectory("clusterlp-elsewhere-").FullName;

    [Fact]
    public async Task A_coordinator_refuses_a_job_file_that_leads_out_of_its_roots()
    {
        string file = Path.Combine(_elsewhere, "job.json");
        await File.WriteAllTextAsync(file, $$"""{"model": "{{job.Model}}", "output": "out", "compression": 0.3}""");
        using ClusterLpProcess coordinator = ClusterLpProcess.Start("coordinator", "--job", file, "--listen", "127.0.0.1:0", "--root", _elsewhere);
        await coordinator.ExpectAsync(ExitCode.Refused);
        Assert.Contains($"{job.Model}: the model lies outside", await coordinator.ErrorAsync());
    }

    [Fact]
    public async Task A_worker_does_not_join_a_job_whose_directory_lies_outside_its_roots()
    {
        using RunningCoordinator coordinator = await job.StartCoordinatorAsync();
        await coordinator.StartWorker(1, "--root", _elsewhere).ExpectAsync(ExitCode.Refused);
        Assert.False(coordinator.Process.HasEnded);
    }

    [Fact]
    public async Task A_block_whose_input_lies_outside_a_workers_roots_ends_the_job_with_that_reason()
    {
        using RunningCoordinator coordinator = await job.StartCoordinatorAsync();
        coordinator.StartWorker(1, "--root", _elsewhere, "--job-dir", coordinator.Paths.JobDirectory);
        await coordinator.Process.ExpectAsync(ExitCode.Refused);
        Assert.Contains($"{job.Model}: the input lies outside", await coordinator.Process.ErrorAsync());
        Assert.False(Directory.Exists(coordinator.Paths.Output));
    }

    public void Dispose() => Directory.Delete(_elsewhere, recursive: true);
}
