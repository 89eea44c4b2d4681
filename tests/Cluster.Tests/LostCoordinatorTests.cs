using System.Net;
using System.Net.Sockets;
using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests;

/// <summary>A worker on its own, with no coordinator to come back to.</summary>
public sealed class LostCoordinatorTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    [Fact]
    public async Task A_worker_whose_coordinator_is_killed_ends_resumable()
    {
        using RunningCoordinator coordinator = await job.StartCoordinatorAsync();
        ClusterLpProcess worker = coordinator.StartWorker(1, "--rejoin-timeout", "2s");
        await coordinator.Paths.UnderWayAsync();
        coordinator.Process.Kill();
        await worker.ExpectAsync(ExitCode.Resumable);
        Assert.False(Directory.Exists(coordinator.Paths.Output));
    }

    [Fact]
    public async Task A_worker_that_looks_again_while_its_port_is_taken_waits_for_it()
    {
        (string[] own, string[] coordinators) = (HeavyTailedJob.Listen(), HeavyTailedJob.Listen());
        using var worker = ClusterLpProcess.Start(["worker", "--coordinator", coordinators[1], "--threads", "2", .. own]);
        // It has let go of the port, and takes it again in a second.
        await worker.UntilItSaysAsync("no coordinator at");
        using (var other = new TcpListener(IPEndPoint.Parse(own[1])))
        {
            other.Start();
            await worker.UntilItSaysAsync("cannot listen on 127.0.0.1", times: 2);
        }
        (JobPaths paths, string file) = job.WriteJob(job.Model);
        using var coordinator = ClusterLpProcess.Start(["coordinator", "--job", file, .. coordinators]);
        await coordinator.ExpectAsync(ExitCode.Done);
        await worker.ExpectAsync(ExitCode.Done);
        Assert.Equal(await job.ReferenceAsync(), paths.Digest());
    }
}
