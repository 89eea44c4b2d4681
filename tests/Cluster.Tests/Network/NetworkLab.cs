using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace ClusterLp.Cluster.Tests.Network;

/// <summary>
/// A network of this machine's own: every node is a network namespace with one address, all joined by a bridge in another
/// namespace, so that nothing of it shows outside. The file system is shared. Needs root; see <see cref="NetworkFactAttribute"/>.
/// Removed when disposed; what runs that died left behind is removed by the next.
/// </summary>
internal sealed class NetworkLab : IDisposable
{
    /// <summary>Names are PREFIX-PID-LAB-NODE.</summary>
    private const string Prefix = "clusterlp-test";

    private static int _labs;
    private readonly string _name = string.Create(CultureInfo.InvariantCulture, $"{Prefix}-{Environment.ProcessId}-{Interlocked.Increment(ref _labs)}");
    private readonly List<Node> _nodes = [];

    public NetworkLab()
    {
        RemoveLeftovers();
        Hub = _name + "-hub";
        Ip("netns", "add", Hub);
        // Nodes on the far side can reach one another, and nobody else.
        Ip("-n", Hub, "link", "add", "near", "type", "bridge");
        Ip("-n", Hub, "addr", "add", $"{BridgeAddress}/24", "dev", "near");
        Ip("-n", Hub, "link", "set", "near", "up");
        Ip("-n", Hub, "link", "add", "far", "type", "bridge");
        Ip("-n", Hub, "link", "set", "far", "up");
    }

    /// <summary>The bridges' namespace.</summary>
    public string Hub { get; }

    /// <summary>Where nodes, but for those on the far side, reach what listens at the bridge (<see cref="BridgeSocket"/>).</summary>
    public static IPAddress BridgeAddress { get; } = IPAddress.Parse("10.77.0.254");

    /// <param name="Number">From 1.</param>
    /// <param name="Namespace">Where its processes run.</param>
    internal sealed record Node(int Number, string Namespace)
    {
        public string Address => string.Create(CultureInfo.InvariantCulture, $"10.77.0.{Number}");

        /// <summary>Its port of the bridge.</summary>
        public string Port => string.Create(CultureInfo.InvariantCulture, $"port{Number}");

        public string Mac => string.Create(CultureInfo.InvariantCulture, $"02:00:00:00:77:{Number:x2}");

        /// <summary>Its slow line, if it has one.</summary>
        public SlowLine? Line { get; set; }
    }

    public Node AddNode()
    {
        int number = _nodes.Count + 1;
        var node = new Node(number, string.Create(CultureInfo.InvariantCulture, $"{_name}-{number}"));
        _nodes.Add(node);
        Ip("netns", "add", node.Namespace);
        Ip("-n", node.Namespace, "link", "set", "lo", "up");
        Ip("-n", Hub, "link", "add", node.Port, "type", "veth", "peer", "name", "eth0", "netns", node.Namespace);
        Connect(node);
        return node;
    }

    /// <summary>Starts <c>clusterlp</c> on a node.</summary>
    public ClusterLpProcess Start(Node node, IEnumerable<KeyValuePair<string, string>> environment, params string[] arguments) =>
        ClusterLpProcess.StartBy(["ip", "netns", "exec", node.Namespace], environment, arguments);

    /// <summary>Pulls the node's cable: nothing gets in or out, and nobody is told.</summary>
    public void Cut(Node node) => Ip("-n", Hub, "link", "set", node.Port, "down");

    /// <summary>Moves nodes to a side of their own: they reach one another and nobody else.</summary>
    public void Split(params ReadOnlySpan<Node> nodes)
    {
        foreach (Node node in nodes)
            Ip("-n", Hub, "link", "set", node.Port, "master", "far");
    }

    /// <summary>What <paramref name="from"/> sends to <paramref name="to"/> is lost; the way back is open.</summary>
    public void CutOneWay(Node from, Node to) =>
        Ip("-n", from.Namespace, "neigh", "replace", to.Address, "lladdr", "02:00:00:00:ff:ff", "dev", "eth0", "nud", "permanent");

    /// <summary>Undoes <see cref="Cut"/>, <see cref="Split"/> and every <see cref="CutOneWay"/> from the node.</summary>
    public void Heal(Node node)
    {
        Ip("-n", node.Namespace, "neigh", "flush", "dev", "eth0", "nud", "permanent");
        Ip("-n", Hub, "link", "set", node.Port, "master", "near");
        Ip("-n", Hub, "link", "set", node.Port, "up");
    }

    /// <summary>
    /// Slows the node's line down, each way. By the kernel where it can (netem), else through a pair of TAP devices, which
    /// takes the place of its line: before its processes start, then.
    /// </summary>
    /// <param name="node">Whose line.</param>
    /// <param name="delay">Added to every frame.</param>
    /// <param name="loss">Share of frames lost, 0 to 1.</param>
    public void Impair(Node node, TimeSpan delay, double loss)
    {
        string[] netem = ["netem", "delay", Inv($"{delay.TotalMilliseconds}ms"), "loss", Inv($"{loss * 100}%")];
        if (node.Line is null && TryRun("tc", ["-n", node.Namespace, "qdisc", "replace", "dev", "eth0", "root", .. netem], out _))
        {
            Run("tc", ["-n", Hub, "qdisc", "replace", "dev", node.Port, "root", .. netem]);
            return;
        }
        if (node.Line is null)
        {
            Ip("-n", Hub, "link", "del", node.Port);
            node.Line = new SlowLine(node, Hub);
            Connect(node);
        }
        node.Line.Set(delay, loss);
    }

    public void Dispose()
    {
        foreach (Node node in _nodes)
            node.Line?.Dispose();
        Remove(_name);
    }

    internal static void Ip(params string[] arguments) => Run("ip", arguments);

    /// <returns>Whether it ended with 0.</returns>
    internal static bool TryRun(string command, string[] arguments, out string said)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            said = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode != 0)
                said = error.Result;
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            said = e.Message;
            return false;
        }
    }

    private static void Run(string command, string[] arguments) =>
        Assert.True(TryRun(command, arguments, out string said), $"{command} {string.Join(' ', arguments)}: {said}");

    private void Connect(Node node)
    {
        Ip("-n", node.Namespace, "link", "set", "eth0", "address", node.Mac);
        Ip("-n", node.Namespace, "addr", "add", node.Address + "/24", "dev", "eth0");
        Ip("-n", node.Namespace, "link", "set", "eth0", "up");
        Ip("-n", Hub, "link", "set", node.Port, "master", "near");
        Ip("-n", Hub, "link", "set", node.Port, "up");
    }

    private static string Inv(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static void RemoveLeftovers()
    {
        foreach (string name in Namespaces().Where(name => name.StartsWith(Prefix + "-", StringComparison.Ordinal)))
            if (name.Split('-') is [_, _, var pid, _, _] && !Directory.Exists("/proc/" + pid))
                TryRun("ip", ["netns", "del", name], out _);
    }

    private static void Remove(string lab)
    {
        // With a namespace go its devices, and their other ends.
        foreach (string name in Namespaces().Where(name => name.StartsWith(lab + "-", StringComparison.Ordinal)))
            TryRun("ip", ["netns", "del", name], out _);
    }

    private static IEnumerable<string> Namespaces() =>
        TryRun("ip", ["netns", "list"], out string list) ? list.Split('\n').Select(line => line.Split(' ')[0]) : [];
}
