using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using ClusterLp.Cluster.Tests;
using ClusterLp.Cluster.Tests.Network;
using ClusterLp.Core;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Storage;
using ClusterLp.Kubernetes.Tests.Images;
using ClusterLp.Kubernetes.Tests.Manifests;
using k8s.Models;

namespace ClusterLp.Kubernetes.Tests.Running;

/// <summary>An overlay's run on a network of its own, with certificates, and a model on its volume or in its bucket.</summary>
internal sealed class PodRun : IAsyncDisposable
{
    private readonly string _secrets = Directory.CreateTempSubdirectory("clusterlp-pod-secrets-").FullName;
    private readonly NetworkLab _lab = new();
    private readonly List<ClusterLpProcess> _pods = [];
    private readonly Dictionary<ClusterLpProcess, NetworkLab.Node> _nodes = [];
    private readonly BuiltImage _image;
    private PodBucket? _bucket;

    private PodRun(string overlay, BuiltImage image)
    {
        _image = image;
        Overlay = Overlay.Of(overlay);
        Volumes = new Volumes(Overlay, MakeSecrets());
        WriteModel(Directory.CreateDirectory(Path.Combine(Volumes.Shared, "model")).FullName);
    }

    public Overlay Overlay { get; }

    public Volumes Volumes { get; }

    /// <summary>The store the pods use, where they have no volume.</summary>
    public PodBucket Bucket => _bucket!;

    /// <summary>What <c>/data</c> or <c>s3://clusterlp</c> is to the pods, as the test sees it.</summary>
    private string Root => _bucket?.Root ?? Volumes.Shared;

    /// <param name="overlay">Its name.</param>
    /// <param name="image">What its pods run.</param>
    public static async Task<PodRun> CreateAsync(string overlay, BuiltImage image)
    {
        var run = new PodRun(overlay, image);
        try
        {
            if (new PodSpec(run.Overlay.Coordinator).Container.EnvFrom is { Count: > 0 })
            {
                run._bucket = await PodBucket.StartAsync(run._lab, new PodSpec(run.Overlay.Coordinator).Environment["CLUSTERLP_ROOTS"]);
                run.Volumes.Publish(PodBucket.Host, NetworkLab.BridgeAddress.ToString());
                ObjectStores.Of(run.Root).Put(run.Root + "/model/model.safetensors", await File.ReadAllBytesAsync(Path.Combine(run.Volumes.Shared, "model", "model.safetensors")));
            }
            return run;
        }
        catch
        {
            await run.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a pod on a node of its own, and gives its name that address.</summary>
    public ClusterLpProcess Start(PodSpec pod, params string[] more)
    {
        NetworkLab.Node node = _lab.AddNode();
        ClusterLpProcess process = Pod.Start(pod, node, _image, Volumes, more);
        _pods.Add(process);
        _nodes.Add(process, node);
        Volumes.Publish(pod.DnsName, node.Address);
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
        return Digest(Volumes.Shared, "reference");
    }

    /// <summary>SHA-256 of the pods' factors.</summary>
    public string Digest(string output) => Digest(Root, output);

    /// <summary>Whether an output has its report, which comes last.</summary>
    public bool IsComplete(string output) => StoredFiles.Exists(StoredFiles.Combine(Root, output, OutputDirectory.ReportName));

    /// <summary>What an output says of itself.</summary>
    public JobReport Report(string output) => OutputVerifier.ReadReport(StoredFiles.Combine(Root, output));

    /// <summary>Waits for the first result of a stage.</summary>
    public Task StageBeganAsync(string stage) => JobPaths.UntilAsync(
        () => StoredFiles.FolderExists(StoredFiles.Combine(Root, "job", "blobs", "t0", stage)), stage, () => string.Join('\n', _pods.Select(pod => pod.Said())));

    public async ValueTask DisposeAsync()
    {
        foreach (ClusterLpProcess pod in _pods)
            pod.Dispose();
        if (_bucket is not null)
            await _bucket.DisposeAsync();
        _lab.Dispose();
        Volumes.Dispose();
        Directory.Delete(_secrets, recursive: true);
    }

    private static string Digest(string root, string output) =>
        Convert.ToHexStringLower(SHA256.HashData(StoredFiles.Read(StoredFiles.Combine(root, output, "model.safetensors"), int.MaxValue)!));

    // By the commands of docs/kubernetes.md; the store's variables have the values of the tests' own.
    private Dictionary<string, IReadOnlyDictionary<string, string>> MakeSecrets()
    {
        string[] certs = Documentation.Certs;
        certs[Array.IndexOf(certs, "--dir") + 1] = _secrets;
        ClusterLpProcess.RunAsync(ExitCode.Done, certs).GetAwaiter().GetResult();
        return Documentation.Secrets.ToDictionary(
            secret => secret.Key,
            secret => (IReadOnlyDictionary<string, string>)secret.Value.ToDictionary(
                one => one.Key,
                one => PodBucket.Variables.TryGetValue(one.Key, out string? value) ? Written(one.Key, value) : one.Value.Replace("certs/", _secrets + "/", StringComparison.Ordinal)));
    }

    private string Written(string name, string value)
    {
        string file = Path.Combine(_secrets, name);
        File.WriteAllText(file, value);
        return file;
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
