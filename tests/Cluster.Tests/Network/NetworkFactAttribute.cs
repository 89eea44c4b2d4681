namespace ClusterLp.Cluster.Tests.Network;

/// <summary>A test that needs network namespaces of its own; skipped, with the reason, where there can be none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NetworkFactAttribute : FactAttribute
{
    internal static readonly Lazy<string?> Obstacle = new(Try);

    public NetworkFactAttribute() => Skip = Obstacle.Value;

    private static string? Try()
    {
        string name = $"clusterlp-test-{Environment.ProcessId}-0-probe";
        if (!NetworkLab.TryRun("ip", ["netns", "add", name], out string said))
            return $"needs root and the command ip (Debian: iproute2): {said.Trim()}";
        bool usable = NetworkLab.TryRun("ip", ["netns", "exec", name, "true"], out said);
        NetworkLab.TryRun("ip", ["netns", "del", name], out _);
        return usable ? null : $"network namespaces cannot be used here: {said.Trim()}";
    }
}

/// <inheritdoc cref="NetworkFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NetworkTheoryAttribute : TheoryAttribute
{
    public NetworkTheoryAttribute() => Skip = NetworkFactAttribute.Obstacle.Value;
}
