using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using ClusterLp.Cluster.Tests;
using ClusterLp.Cluster.Tests.Network;
using ClusterLp.Core;
using ClusterLp.Kubernetes.Tests.Images;
using ClusterLp.Kubernetes.Tests.Manifests;
using k8s.Models;

namespace ClusterLp.Kubernetes.Tests.Running;

/// <summary>An overlay's run on a network of its own, with certificates and a model on its volume.</summary>
internal sealed class PodRun : IDisposable
{
    private readonly string _certificates = Directory.CreateTempSubdirectory("clusterlp-pod-certs-").FullName;
    private readonly NetworkLab _lab = new();
    private readonly List<ClusterLpProcess> _pods = [];
    private readonly Dictionary<ClusterLpProcess, NetworkLab.Node> _nodes = [];
    private readonly BuiltImage _image;

    public PodRun(string overlay, BuiltImage image)
    {
        _image = image;
        Overlay = Overlay.Of(overlay);
        Volumes = new Volumes(Overlay, MakeSecrets());
        WriteModel(Directory.CreateDirectory(Path.Combine(Volumes.Shared, "model")).FullName);
    }

    public Overlay Overlay { get; }

    public Volumes Volumes { get; }

    /// <summary>Starts a pod on a node of its own, and gives its name that address.</summary>
    public ClusterLpProcess Start(PodSpec pod, params string[] more)
    {
        NetworkLab.Node node = _lab.AddNode();
        ClusterLpProcess process = Pod.Start(pod, node, _image, Volumes, more);
        _pods.Add(process);
        _nodes.Add(process, node);
        Volumes.Publish(pod.DnsName, node);
        return process;
    }

    /// <summary>What a probe of a running pod is told: the status line; "" where nobody answers.</summary>
    public string Probe(ClusterLpProcess process, PodSpec pod, Func<V1Container, V1Probe> probe)
    {
        V1Probe asked = probe(pod.Container);
        // From inside its network: a node's own prober is on the same machine too.
        NetworkLab.TryRun("ip", ["netns", "exec", _nodes[process].Namespace, "timeout", "5", "bash", "-c",
            $"exec 3<>/dev/tcp/{_nodes[process].Address}/{pod.PortOf(asked)}; printf 'GET {asked.HttpGet.Path} HTTP/1.1\\r\\nHost: pod\\r\\nConnection: close\\r\\n\\r\\n' >&3; head -1 <&3"], out string said);
        return said.Trim();
    }

    /// <summary>SHA-256 of the factors when one process computes the same job, with the tests' own build.</summary>
    public async Task<string> ReferenceAsync()
    {
        await ClusterLpProcess.RunAsync(ExitCode.Done, "compress", Path.Combine(Volumes.Shared, "model"), "--compression", "0.28",
            "--output", Path.Combine(Volumes.Shared, "reference"), "--quiet");
        return Digest("reference");
    }

    public string Digest(string output) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(Volumes.Shared, output, "model.safetensors"))));

    /// <summary>Waits for the first result of a stage.</summary>
    public Task StageBeganAsync(string stage) => JobPaths.UntilAsync(
        () => Directory.Exists(Path.Combine(Volumes.Shared, "job", "blobs", "t0", stage)), stage, () => string.Join('\n', _pods.Select(pod => pod.Said())));

    public void Dispose()
    {
        foreach (ClusterLpProcess pod in _pods)
            pod.Dispose();
        _lab.Dispose();
        Volumes.Dispose();
        Directory.Delete(_certificates, recursive: true);
    }

    // By the commands of docs/kubernetes.md.
    private Dictionary<string, IReadOnlyDictionary<string, string>> MakeSecrets()
    {
        string[] certs = Documentation.Certs;
        certs[Array.IndexOf(certs, "--dir") + 1] = _certificates;
        ClusterLpProcess.RunAsync(ExitCode.Done, certs).GetAwaiter().GetResult();
        return Documentation.Secrets.ToDictionary(
            secret => secret.Key,
            secret => (IReadOnlyDictionary<string, string>)secret.Value.ToDictionary(file => file.Key, file => file.Value.Replace("certs/", _certificates + "/", StringComparison.Ordinal)));
    }

    // The tests' heavy-tailed matrix, as safetensors.
    private static void WriteModel(string folder)
    {
        ReadOnlySpan<byte> data = HeavyTailedJob.Matrix(HeavyTailedJob.Rows, HeavyTailedJob.Columns).AsSpan(128);
        string header = $$$"""{"matrix":{"dtype":"F32","shape":[{{{HeavyTailedJob.Rows}}},{{{HeavyTailedJob.Columns}}}],"data_offsets":[0,{{{data.Length}}}]}}""";
        using FileStream file = File.Create(Path.Combine(folder, "model.safetensors"));
        long length = header.Length;
        file.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<long>(ref length)));
        file.Write(Encoding.ASCII.GetBytes(header));
        file.Write(data);
    }
}
