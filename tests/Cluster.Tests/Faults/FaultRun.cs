using System.IO.Enumeration;
using ClusterLp.Cluster.Tests.Network;
using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests.Faults;

/// <summary>A job on a coordinator and two workers, real processes all, one of them set to stop or misbehave at a moment.</summary>
internal sealed class FaultRun : IDisposable
{
    private readonly Moment _moment;
    private readonly string _folder = Directory.CreateTempSubdirectory("clusterlp-faults-").FullName;
    private readonly string _jobFile;
    private readonly List<ClusterLpProcess> _all = [];
    private readonly NetworkLab? _lab;
    private readonly List<NetworkLab.Node> _nodes = [];
    private readonly int _port;
    private bool _calm;

    public FaultRun(HeavyTailedJob job, FaultRow row)
    {
        _moment = row.When;
        // A model of its own: some faults change it.
        Model = Path.Combine(_folder, "matrix.npy");
        File.Copy(job.Model, Model);
        (Paths, _jobFile) = job.WriteJob(Model, row.Joint ? HeavyTailedJob.Joint : []);
        _port = ClusterLpProcess.FreePort();
        if (row.OnNetwork)
        {
            _lab = new NetworkLab();
            _nodes.AddRange([_lab.AddNode(), _lab.AddNode(), _lab.AddNode()]);
        }
        Coordinator = StartCoordinator();
        Workers = [StartWorker(0)];
    }

    /// <summary>The second worker comes when the first is there, so that the first has a share in every stage.</summary>
    public async Task StartAsync()
    {
        await JobPaths.UntilAsync(
            () => Coordinator.Said().Contains("joined with", StringComparison.Ordinal) || Coordinator.HasEnded || Held.Length > 0,
            "the first worker to join", Coordinator.Said);
        Workers.Add(StartWorker(1));
    }

    public string Model { get; }

    public JobPaths Paths { get; }

    /// <summary>The one whose end is the job's.</summary>
    public ClusterLpProcess Coordinator { get; set; }

    public List<ClusterLpProcess> Workers { get; }

    /// <summary>Where the processes run, if on a network of their own: the coordinator's node, then the workers'.</summary>
    public (NetworkLab Lab, IReadOnlyList<NetworkLab.Node> Nodes) Network => (_lab!, _nodes);

    private string Host => _lab is null ? "127.0.0.1" : _nodes[0].Address;

    /// <summary>From here on processes are started without failpoints.</summary>
    public void Calm() => _calm = true;

    /// <param name="port">Null: the job's usual one.</param>
    public ClusterLpProcess StartCoordinator(int? port = null, params string[] options) => Start(0, _moment.Who == Who.Coordinator,
        ["coordinator", "--job", _jobFile, "--listen", $"{Host}:{port ?? _port}", "--threads", "1", .. options]);

    /// <param name="number">0 is the one the moment may be about.</param>
    /// <param name="port">Null: the job's usual one.</param>
    public ClusterLpProcess StartWorker(int number, int? port = null) => Start(number + 1,
        _moment.Who == Who.EveryWorker || _moment.Who == Who.Worker && number == 0,
        ["worker", "--coordinator", $"{Host}:{port ?? _port}", "--threads", "1", .. _lab is null ? Array.Empty<string>() : ["--host", _nodes[number + 1].Address]]);

    /// <summary>Workers that would meet their fault again give way to sound ones.</summary>
    public void ReplaceDisturbedWorkers()
    {
        if (_moment.Who == Who.EveryWorker)
            for (int i = 0; i < Workers.Count; i++)
            {
                Workers[i].Kill();
                Workers[i] = StartWorker(i);
            }
    }

    /// <summary>Runs the coordinator's command with other options, to its end.</summary>
    public async Task ExpectCoordinatorAsync(ExitCode code, string says, params string[] options)
    {
        ClusterLpProcess other = StartCoordinator(ClusterLpProcess.FreePort(), options);
        await other.ExpectAsync(code);
        Assert.Contains(says, await other.ErrorAsync());
    }

    /// <summary>Waits until the process has come to the moment and stands still there.</summary>
    public async Task ReachAsync()
    {
        await JobPaths.UntilAsync(() => Held.Length > 0 || Coordinator.HasEnded, $"{_moment}", Coordinator.Said);
        Assert.True(Held.Length > 0, $"the job ended before it came to: {_moment}");
    }

    /// <summary>Lets what stands still go on.</summary>
    public void Release()
    {
        foreach (string marker in Held)
            File.Delete(marker);
    }

    /// <summary>A file of the job directory, the first by name that a pattern such as <c>blobs/t0/scan/*</c> matches.</summary>
    public string JobFile(string pattern) => Directory.EnumerateFiles(Paths.JobDirectory, "*", SearchOption.AllDirectories)
        .Where(path => FileSystemName.MatchesSimpleExpression(pattern, Path.GetRelativePath(Paths.JobDirectory, path))).Order(StringComparer.Ordinal).First();

    public void Dispose()
    {
        foreach (ClusterLpProcess process in _all)
            process.Dispose();
        _lab?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string[] Held => Directory.GetFiles(_folder, "*.hold");

    private ClusterLpProcess Start(int node, bool disturbed, string[] arguments)
    {
        var environment = new Dictionary<string, string>();
        if (disturbed && !_calm)
            (environment["CLUSTERLP_FAILPOINTS"], environment["CLUSTERLP_FAILPOINTS_DIR"]) = (_moment.Rule, _folder);
        ClusterLpProcess process = _lab is null
            ? ClusterLpProcess.Start(environment, arguments)
            : _lab.Start(_nodes[node], environment, [.. arguments, "--insecure", "--root", Path.GetTempPath()]);
        _all.Add(process);
        return process;
    }
}
