using k8s.Models;

namespace ClusterLp.Kubernetes.Tests.Manifests;

/// <summary>Kubernetes' Pod Security Standard "restricted", and a little more.</summary>
internal static class PodSecurity
{
    /// <summary>The user of the image.</summary>
    public const long User = 1654;

    public static void AssertRestricted(V1PodSpec pod)
    {
        Assert.False(pod.AutomountServiceAccountToken);
        Assert.False(pod.EnableServiceLinks);
        Assert.True(pod.HostNetwork is not true && pod.HostPID is not true && pod.HostIPC is not true);
        Assert.True(pod.SecurityContext.RunAsNonRoot);
        Assert.Equal((User, User, User), (pod.SecurityContext.RunAsUser, pod.SecurityContext.RunAsGroup, pod.SecurityContext.FsGroup));
        Assert.Equal("RuntimeDefault", pod.SecurityContext.SeccompProfile.Type);
        Assert.All(pod.Volumes, volume => Assert.True(volume is { ConfigMap: not null } or { Secret: not null } or { EmptyDir: not null } or { PersistentVolumeClaim: not null }, volume.Name));
        foreach (V1Container container in pod.Containers)
        {
            Assert.False(container.SecurityContext.AllowPrivilegeEscalation);
            Assert.True(container.SecurityContext.ReadOnlyRootFilesystem);
            Assert.Equal(["ALL"], container.SecurityContext.Capabilities.Drop);
            Assert.Null(container.SecurityContext.Capabilities.Add);
            Assert.Equal(["cpu", "memory"], container.Resources.Limits.Keys.Order());
            Assert.Equal(["cpu", "memory"], container.Resources.Requests.Keys.Order());
        }
    }
}
