using System.Net;
using Akka.Actor;
using Akka.Cluster;
using ClusterLp.Actors.Tests;
using ClusterLp.Cli.Hosting;
using ClusterLp.Coordinator;
using ClusterLp.Core;
using ClusterLp.WorkerNode;

namespace ClusterLp.Cluster.Tests;

/// <summary>Coordinator and workers in actor systems of their own, joined over real sockets with the real configuration.</summary>
public sealed class LoopbackClusterTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Workers_join_over_the_network_and_finish_the_job(int workers)
    {
        using var job = new TestJob(tensors: 2);
        var pipeline = new FakePipeline();
        ActorSystem coordinator = NodeConfig.Start(NodeConfig.Cluster(new NodeAddress("127.0.0.1", 0), NodeConfig.CoordinatorRole, seed: null));
        var systems = new List<ActorSystem> { coordinator };
        try
        {
            Address address = Akka.Cluster.Cluster.Get(coordinator).SelfAddress;
            Akka.Cluster.Cluster.Get(coordinator).Join(address);
            job.StartCoordinator(coordinator, pipeline);
            var ends = new List<Task<WorkerEnd>>();
            for (int i = 0; i < workers; i++)
            {
                ActorSystem system = NodeConfig.Start(NodeConfig.Cluster(new NodeAddress("127.0.0.1", 0), NodeConfig.WorkerRole, address));
                systems.Add(system);
                ActorSelection selection = system.ActorSelection(new RootActorPath(address) / "user" / CoordinatorActor.Name);
                ends.Add(job.StartWorker(system, selection, pipeline, $"w{i}").End);
            }
            string outcome = await job.OutcomeAsync();

            Assert.Equal(2 * TestJob.Blocks, outcome.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
            Assert.Equal(3 * 2 * TestJob.Blocks, pipeline.Computed.Count);
            foreach (Task<WorkerEnd> end in ends)
                Assert.Equal(ExitCode.Done, (await end.WaitAsync(TimeSpan.FromSeconds(20))).Code);
        }
        finally
        {
            await Task.WhenAll(systems.Select(system => system.Terminate()));
        }
    }

    [Fact]
    public async Task A_worker_process_without_a_coordinator_ends_resumable()
    {
        var options = new WorkerOptions(new DnsEndPoint("127.0.0.1", 1), new NodeAddress("127.0.0.1", 0), 1, Insecure: false) { RejoinTimeout = TimeSpan.FromSeconds(2) };
        var alone = await Assert.ThrowsAsync<ClusterLpException>(
            () => WorkerProcess.RunAsync(options, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal(ExitCode.Resumable, alone.Code);
        Assert.Contains("127.0.0.1:1 ", alone.Message);
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("192.0.2.1")]
    [InlineData("example.org")]
    public async Task An_address_others_can_reach_is_refused_unless_allowed(string host)
    {
        var options = new WorkerOptions(new DnsEndPoint(host, 4053), new NodeAddress("127.0.0.1", 0), 1, Insecure: false);
        var refused = await Assert.ThrowsAsync<ClusterLpException>(() => WorkerProcess.RunAsync(options, CancellationToken.None));
        Assert.Equal(ExitCode.Refused, refused.Code);
        Assert.Contains("--insecure", refused.Message);
    }
}
