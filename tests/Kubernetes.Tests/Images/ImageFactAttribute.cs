using ClusterLp.Cluster.Tests.Network;
using ClusterLp.Cluster.Tests.ObjectStorage;
using ClusterLp.Core.LinearAlgebra;
using ClusterLp.Kubernetes.Tests.Manifests;

namespace ClusterLp.Kubernetes.Tests.Images;

/// <summary>A test that runs pods: needs kubectl, namespaces, and what the image is made of; skipped, with the reason, elsewhere.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ImageFactAttribute : FactAttribute
{
    internal static readonly Lazy<string?> Obstacle = new(() => Kubectl.Obstacle.Value ?? NetworkFactAttribute.Obstacle.Value
        ?? (LinearAlgebraSetup.Description.StartsWith("OpenBLAS", StringComparison.Ordinal) ? null : "needs OpenBLAS (Debian: libopenblas0-pthread)")
        ?? (NetworkLab.TryRun("unshare", ["--mount", "--uts", "setpriv", "--reuid", "1654", "--clear-groups", "true"], out string said) ? null : $"needs unshare and setpriv (util-linux), as root: {said.Trim()}"));

    public ImageFactAttribute() => Skip = Obstacle.Value;
}

/// <summary>As <see cref="ImageFactAttribute"/>, and needs an object store for the pods.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ImageAndStoreFactAttribute : FactAttribute
{
    public ImageAndStoreFactAttribute() => Skip = ImageFactAttribute.Obstacle.Value ?? S3FactAttribute.Obstacle;
}
