using System.Globalization;
using ClusterLp.Cluster.Tests;
using ClusterLp.Cluster.Tests.Network;
using ClusterLp.Kubernetes.Tests.Images;
using ClusterLp.Kubernetes.Tests.Manifests;
using k8s.Models;

namespace ClusterLp.Kubernetes.Tests.Running;

/// <summary>
/// A pod as a process: in a network namespace of its own, under its host name, in a root file system that holds the image and
/// the pod's volumes and nothing else but this machine's /usr, with the user, the rights and the environment of the manifest.
/// </summary>
internal static class Pod
{
    // Arguments: root, host name, user, group, supplementary group, then pairs "ro|rw:SOURCE:TARGET" up to "--", then the command.
    // The process becomes the command (exec), so that its id and its end are the pod's.
    private const string Script = """
        root=$1 name=$2 user=$3 group=$4 extra=$5; shift 5
        hostname "$name"
        mount --bind "$root" "$root"
        for system in /proc /dev /sys; do mkdir -p "$root$system"; mount --rbind "$system" "$root$system"; done
        while [ "$1" != -- ]; do
          IFS=: read -r mode source target <<< "$1"; shift
          if [ -d "$source" ]; then mkdir -p "$root$target"; else touch "$root$target"; fi
          mount --bind "$source" "$root$target"
          if [ "$mode" = ro ]; then mount -o remount,bind,ro "$root$target"; fi
        done
        shift
        mount -o remount,bind,ro "$root"
        exec chroot "$root" /usr/bin/setpriv --reuid "$user" --regid "$group" --groups "$extra" --bounding-set=-all --inh-caps=-all --no-new-privs /usr/bin/env -i "$@"
        """;

    /// <param name="spec">Which.</param>
    /// <param name="node">Its network.</param>
    /// <param name="image">What it runs.</param>
    /// <param name="volumes">Where this run keeps the volumes.</param>
    /// <param name="more">Environment beside the manifest's, and arguments (with =) in the place of, or after, the manifest's.</param>
    public static ClusterLpProcess Start(PodSpec spec, NetworkLab.Node node, BuiltImage image, Volumes volumes, params string[] more)
    {
        string root = volumes.NewRoot();
        V1PodSecurityContext security = spec.Spec.SecurityContext;
        Assert.True(spec.Container.SecurityContext.ReadOnlyRootFilesystem);
        string dotnet = Path.GetDirectoryName(Environment.ProcessPath)!;
        IEnumerable<string> mounts =
        [
            "ro:/usr:/usr", $"ro:{dotnet}:/dotnet", $"ro:{volumes.Hosts}:/etc/hosts",
            .. image.Folders.Select(folder => $"ro:{folder.Here}:{folder.InImage}"),
            .. spec.Container.VolumeMounts.Select(mount =>
                $"{(mount.ReadOnlyProperty is true ? "ro" : "rw")}:{volumes.Of(spec.Spec.Volumes.Single(volume => volume.Name == mount.Name))}:{mount.MountPath}"),
        ];
        IEnumerable<string> environment =
        [
            "PATH=/dotnet:/usr/bin", $"HOSTNAME={spec.HostName}",
            .. Dockerfile.OfRepository.Environment.Concat(OfSecrets(spec, volumes)).Concat(spec.Environment).Select(one => $"{one.Key}={one.Value}"),
            .. more.Where(word => !word.StartsWith("--", StringComparison.Ordinal)),
        ];
        string[] options = [.. more.Where(word => word.StartsWith("--", StringComparison.Ordinal))];
        IEnumerable<string> arguments = spec.Arguments.Where(argument => !options.Any(option => argument.Split('=')[0] == option.Split('=')[0])).Concat(options);
        return ClusterLpProcess.StartCommand([
            "ip", "netns", "exec", node.Namespace, "unshare", "--mount", "--uts", "bash", "-euc", Script, "pod", root, spec.HostName,
            Number(security.RunAsUser), Number(security.RunAsGroup), Number(security.FsGroup), .. mounts, "--", .. environment, .. Dockerfile.OfRepository.EntryPoint, .. arguments,
        ]);
    }

    // A variable of the manifest's own comes after one of the same name, and is the one that counts.
    private static IEnumerable<KeyValuePair<string, string>> OfSecrets(PodSpec spec, Volumes volumes) =>
        (spec.Container.EnvFrom ?? []).SelectMany(from => volumes.Secret(from.SecretRef.Name));

    private static string Number(long? id) => id!.Value.ToString(CultureInfo.InvariantCulture);
}
