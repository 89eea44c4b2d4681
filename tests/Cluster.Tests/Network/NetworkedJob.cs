using System.Globalization;
using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests.Network;

/// <summary>
/// The job on a network of its own: a coordinator and workers, a node each. Blocks are slow enough for a test to interfere,
/// and the job waits half way until <see cref="FinishAsync"/>.
/// </summary>
internal sealed class NetworkedJob : IDisposable
{
    private const int Port = 4053;
    private static readonly KeyValuePair<string, string>[] SlowBlocks = [new("CLUSTERLP_FAILPOINTS", "worker.block=delay:100")];

    private readonly Gate _halfWay = new("coordinator.reduce/coreset");
    private readonly HeavyTailedJob _job;
    private RunningCoordinator? _running;

    private NetworkedJob(HeavyTailedJob job)
    {
        _job = job;
        CoordinatorNode = Lab.AddNode();
    }

    public NetworkLab Lab { get; } = new();
    public NetworkLab.Node CoordinatorNode { get; }
    public List<(NetworkLab.Node Node, ClusterLpProcess Process)> Workers { get; } = [];
    public ClusterLpProcess Coordinator => _running!.Process;

    /// <returns>The job, once its scan is done.</returns>
    public static async Task<NetworkedJob> StartAsync(HeavyTailedJob job, int workers, int threads = 1, Action<NetworkLab, NetworkLab.Node>? prepare = null)
    {
        var networked = new NetworkedJob(job);
        string root = Path.GetDirectoryName(job.Model)!;
        try
        {
            networked._running = await job.StartCoordinatorAsync(arguments => networked.Lab.Start(
                networked.CoordinatorNode, networked._halfWay.Environment(),
                [.. arguments, "--listen", networked.Address, "--insecure", "--root", root]));
            for (int i = 0; i < workers; i++)
            {
                NetworkLab.Node node = networked.Lab.AddNode();
                prepare?.Invoke(networked.Lab, node);
                networked.Workers.Add((node, networked.Lab.Start(node, SlowBlocks, "worker", "--coordinator", networked.Address,
                    "--host", node.Address, "--insecure", "--root", root, "--threads", threads.ToString(CultureInfo.InvariantCulture))));
            }
            await networked.Coordinator.UntilItSaysAsync("joined with", workers);
            await networked._running.Paths.UnderWayAsync();
            return networked;
        }
        catch
        {
            networked.Dispose();
            throw;
        }
    }

    /// <summary>The workers' nodes.</summary>
    public NetworkLab.Node Node(int worker) => Workers[worker].Node;

    /// <summary>Waits until these have noticed that they are on their own, and the coordinator that they are gone.</summary>
    public async Task LostAsync(params int[] workers)
    {
        foreach (int worker in workers)
            await Workers[worker].Process.UntilItSaysAsync("lost the coordinator");
        await Coordinator.UntilItSaysAsync("is gone", workers.Length);
    }

    /// <summary>Waits until these are back.</summary>
    public async Task RejoinedAsync(params int[] workers)
    {
        foreach (int worker in workers)
            await Workers[worker].Process.UntilItSaysAsync("joined the coordinator", 2);
    }

    /// <summary>Lets the job go on; everybody must end well, with the bytes of an undisturbed run.</summary>
    public async Task FinishAsync()
    {
        await _halfWay.OpenAsync();
        await Coordinator.ExpectAsync(ExitCode.Done);
        foreach ((_, ClusterLpProcess worker) in Workers)
            await worker.ExpectAsync(ExitCode.Done);
        Assert.Equal(await _job.ReferenceAsync(), _running!.Paths.Digest());
    }

    public void Dispose()
    {
        _running?.Dispose();
        foreach ((_, ClusterLpProcess worker) in Workers)
            worker.Dispose();
        Lab.Dispose();
        _halfWay.Dispose();
    }

    private string Address => string.Create(CultureInfo.InvariantCulture, $"{CoordinatorNode.Address}:{Port}");
}
