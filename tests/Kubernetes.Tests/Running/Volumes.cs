using System.Globalization;
using ClusterLp.Cluster.Tests.Network;
using ClusterLp.Kubernetes.Tests.Manifests;
using k8s.Models;

namespace ClusterLp.Kubernetes.Tests.Running;

/// <summary>A run's volumes as folders, with the owners and modes that Kubernetes gives them; and its DNS, as a file of hosts.</summary>
internal sealed class Volumes : IDisposable
{
    private const UnixFileMode GroupMayWrite = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.SetGroup;

    private readonly string _folder = Directory.CreateTempSubdirectory("clusterlp-pods-").FullName;
    private readonly Overlay _run;
    private readonly IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> _secrets;
    private readonly SortedDictionary<string, string> _names = [];
    private int _pods;

    /// <param name="run">Has the ConfigMaps.</param>
    /// <param name="secrets">By name: keys, and files with their values.</param>
    public Volumes(Overlay run, IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> secrets)
    {
        (_run, _secrets) = (run, secrets);
        File.WriteAllText(Hosts, "127.0.0.1 localhost\n");
        Shared = NewFolder("shared");
    }

    /// <summary>What every pod's /etc/hosts is.</summary>
    public string Hosts => Path.Combine(_folder, "hosts");

    /// <summary>The volume all pods share.</summary>
    public string Shared { get; }

    /// <summary>Makes a name lead to an address, from now on.</summary>
    public void Publish(string name, string address)
    {
        _names[name] = address;
        // In place: the file is mounted.
        File.WriteAllText(Hosts, "127.0.0.1 localhost\n" + string.Concat(_names.Select(one => $"{one.Value} {one.Key}\n")));
    }

    /// <summary>A Secret's keys and values.</summary>
    public IEnumerable<KeyValuePair<string, string>> Secret(string name) => _secrets[name].Select(key => KeyValuePair.Create(key.Key, File.ReadAllText(key.Value)));

    /// <summary>An empty root file system for a pod.</summary>
    public string NewRoot()
    {
        string root = Directory.CreateDirectory(Path.Combine(_folder, $"root-{++_pods}")).FullName;
        foreach (string link in (string[])["bin", "lib", "lib64", "sbin"])
            File.CreateSymbolicLink(Path.Combine(root, link), "usr/" + link);
        Directory.CreateDirectory(Path.Combine(root, "etc"));
        File.SetUnixFileMode(root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        return root;
    }

    /// <summary>A pod's volume here.</summary>
    public string Of(V1Volume volume)
    {
        if (volume.PersistentVolumeClaim is not null)
            return Shared;
        string folder = NewFolder($"volume-{_pods}-{volume.Name}");
        if (volume.ConfigMap is { } map)
            foreach ((string key, string text) in _run.Named<V1ConfigMap>(map.Name).Data)
                File.WriteAllText(Path.Combine(folder, key), text);
        else if (volume.Secret is { } secret)
            foreach ((string key, string file) in _secrets[secret.SecretName])
            {
                string copy = Path.Combine(folder, key);
                File.Copy(file, copy);
                File.SetUnixFileMode(copy, (UnixFileMode)secret.DefaultMode!.Value);
                Own(copy);
            }
        else
            Assert.NotNull(volume.EmptyDir);
        return folder;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string NewFolder(string name)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        Own(folder);
        File.SetUnixFileMode(folder, GroupMayWrite);
        return folder;
    }

    // root's, and the pod's fsGroup's.
    private static void Own(string path)
    {
        string owner = string.Create(CultureInfo.InvariantCulture, $"0:{PodSecurity.User}");
        Assert.True(NetworkLab.TryRun("chown", [owner, path], out string said), said);
    }
}
