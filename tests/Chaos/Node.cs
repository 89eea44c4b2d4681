using ClusterLp.Cluster.Tests;
using ClusterLp.Cluster.Tests.Network;

namespace ClusterLp.Chaos;

/// <summary>A process of the job, and those started in its place.</summary>
/// <param name="Number">0 is the coordinator, or the only process.</param>
internal sealed class Node(int number, NetworkLab.Node? home)
{
    public int Number => number;

    /// <summary>Where it runs; null: on this machine's own network.</summary>
    public NetworkLab.Node? Home => home;

    /// <summary>How often it was started before.</summary>
    public int Life { get; set; } = -1;

    public ClusterLpProcess Process { get; set; } = null!;

    public bool Suspended { get; set; }

    public string Name => number == 0 ? "coordinator" : $"worker-{number}";
}
