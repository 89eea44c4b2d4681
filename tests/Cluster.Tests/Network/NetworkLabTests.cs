using System.Diagnostics;

namespace ClusterLp.Cluster.Tests.Network;

/// <summary>The laboratory does what its methods say; the other tests rest on it.</summary>
public sealed class NetworkLabTests
{
    [NetworkFact]
    public void Nodes_reach_each_other_unless_cut_or_on_another_side()
    {
        using var lab = new NetworkLab();
        NetworkLab.Node a = lab.AddNode(), b = lab.AddNode(), c = lab.AddNode();
        Assert.True(ComesToReach(a, b) && ComesToReach(b, c));
        lab.Cut(a);
        Assert.False(Reaches(a, b));
        Assert.True(ComesToReach(b, c));
        lab.Heal(a);
        lab.Split(a, b);
        Assert.True(ComesToReach(a, b));
        Assert.False(Reaches(a, c));
        lab.Heal(a);
        lab.Heal(b);
        Assert.True(ComesToReach(a, c));
        lab.CutOneWay(a, c);
        Assert.False(Reaches(a, c));
        Assert.True(ComesToReach(a, b));
        lab.Heal(a);
        Assert.True(ComesToReach(a, c));
    }

    [NetworkFact]
    public void An_impaired_line_is_slow_and_loses_frames()
    {
        using var lab = new NetworkLab();
        NetworkLab.Node a = lab.AddNode(), b = lab.AddNode();
        lab.Impair(b, TimeSpan.FromMilliseconds(100), loss: 0);
        Stopwatch clock = Stopwatch.StartNew();
        Assert.True(Reaches(a, b));
        Assert.InRange(clock.ElapsedMilliseconds, 195, 1000);
        lab.Impair(b, TimeSpan.Zero, loss: 1);
        Assert.False(Reaches(a, b));
    }

    /// <summary>
    /// Whether the way is open. A bridge forwards when the kernel has seen the link come up, and a neighbour that did not
    /// answer is asked again after a while: what is mended is given time, and only silence to the end says cut.
    /// </summary>
    private static bool ComesToReach(NetworkLab.Node from, NetworkLab.Node to)
    {
        for (int attempt = 0; attempt < 15; attempt++)
            if (Reaches(from, to))
                return true;
        return false;
    }

    /// <summary>Whether a connection to a port nobody listens on is refused within a second: there and back.</summary>
    private static bool Reaches(NetworkLab.Node from, NetworkLab.Node to)
    {
        NetworkLab.TryRun("ip", ["netns", "exec", from.Namespace, "timeout", "1", "bash", "-c", $": < /dev/tcp/{to.Address}/9"], out string said);
        return said.Contains("refused", StringComparison.OrdinalIgnoreCase);
    }
}
