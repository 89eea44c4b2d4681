using System.Text.Json;
using ClusterLp.Cluster.Tests.Network;

namespace ClusterLp.Kubernetes.Tests.Manifests;

/// <summary><c>kubectl kustomize</c>: needs no cluster.</summary>
internal static class Kubectl
{
    private const int OldestKustomize = 5;

    /// <summary>Why manifests cannot be rendered here; null: they can.</summary>
    public static Lazy<string?> Obstacle { get; } = new(() =>
    {
        if (!NetworkLab.TryRun("kubectl", ["version", "--client", "--output", "json"], out string said))
            return $"needs kubectl 1.27 or later on the PATH: {said.Trim()}";
        using JsonDocument json = JsonDocument.Parse(said);
        // Missing before kubectl 1.24.
        string version = json.RootElement.TryGetProperty("kustomizeVersion", out JsonElement element) ? element.GetString()! : "none";
        return int.TryParse(version.TrimStart('v').Split('.')[0], out int major) && major >= OldestKustomize
            ? null
            : $"needs kubectl 1.27 or later (kustomize {OldestKustomize}); here kustomize is {version}";
    });

    /// <param name="folder">Holds a kustomization.yaml; absolute.</param>
    public static string Kustomize(string folder)
    {
        Assert.True(NetworkLab.TryRun("kubectl", ["kustomize", folder], out string said), said);
        return said;
    }
}

/// <summary>A test that renders manifests; skipped, with the reason, where kubectl is missing or too old.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KubectlFactAttribute : FactAttribute
{
    public KubectlFactAttribute() => Skip = Kubectl.Obstacle.Value;
}

/// <inheritdoc cref="KubectlFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KubectlTheoryAttribute : TheoryAttribute
{
    public KubectlTheoryAttribute() => Skip = Kubectl.Obstacle.Value;
}
