using System.Globalization;
using System.Text.Json;
using ClusterLp.Cluster.Tests;
using ClusterLp.Cluster.Tests.Network;

namespace ClusterLp.Chaos;

/// <summary>The processes of one schedule, its files, and its network.</summary>
internal sealed class Site : IDisposable
{
    /// <summary>Milliseconds by which each block is slower, times the cluster's threads, so that there is time for things to go wrong.</summary>
    private const int Delay = 30;

    private readonly Schedule _schedule;
    private readonly string _jobFile;
    private readonly string[] _tls;
    private readonly string _slowly;
    private readonly List<(string Name, ClusterLpProcess Process)> _all = [];

    /// <param name="schedule">What to set up; nothing is started yet.</param>
    /// <param name="folder">Of this schedule alone; empty.</param>
    /// <param name="matrix">Is copied.</param>
    /// <param name="tls">Options of a node on loopback.</param>
    public Site(Schedule schedule, string folder, string matrix, string[] tls)
    {
        (_schedule, Folder, _tls) = (schedule, folder, schedule.Cluster.Tls ? tls : []);
        Model = Path.Combine(folder, "matrix.npy");
        File.Copy(matrix, Model);
        (Output, JobDirectory, _jobFile) = (Path.Combine(folder, "out"), Path.Combine(folder, "job"), Path.Combine(folder, "job.json"));
        File.WriteAllText(_jobFile, JsonSerializer.Serialize(new Dictionary<string, object>(schedule.Job.Options)
        {
            ["model"] = Model, ["output"] = Output, ["job-dir"] = JobDirectory,
        }));
        Lab = schedule.Cluster.Place == Place.Network ? new NetworkLab() : null;
        Coordinator = new Node(0, Lab?.AddNode());
        Workers = schedule.Cluster.Place == Place.Embedded ? [] : [.. schedule.Cluster.Threads.Select((_, i) => new Node(i + 1, Lab?.AddNode()))];
        Port = ClusterLpProcess.FreePort();
        _slowly = $"worker.block=delay:{Number(Delay * ThreadsInAll(schedule.Cluster))}";
    }

    public string Folder { get; }

    public string Model { get; }

    public string Output { get; }

    public string JobDirectory { get; }

    public NetworkLab? Lab { get; }

    public Node Coordinator { get; }

    public List<Node> Workers { get; }

    /// <summary>Where the coordinator listens.</summary>
    public int Port { get; set; }

    public IEnumerable<Node> Nodes => [Coordinator, .. Workers];

    /// <summary>Starts the next process of a node, with the failpoints meant for it.</summary>
    public void Start(Node node)
    {
        node.Life++;
        node.Suspended = false;
        node.Process = Launch(node, $"{node.Name}-{node.Life}", [.. RulesOf(node), _slowly], node.Number == 0 ? CoordinatorCommand : WorkerCommand(node));
    }

    /// <summary>Starts the coordinator's command a second time, beside it.</summary>
    public ClusterLpProcess StartRival() => Launch(Coordinator, $"rival-{_all.Count}", [_slowly], CoordinatorCommand);

    /// <summary>Adds one to the cluster.</summary>
    public void AddWorker()
    {
        var node = new Node(Workers.Count + 1, Lab?.AddNode());
        Workers.Add(node);
        Start(node);
    }

    /// <summary>Where a process leaves the marks of the failpoints at which it waits.</summary>
    public string MarksOf(Node node) => Path.Combine(Folder, "marks", $"{node.Name}-{node.Life}");

    /// <summary>Keeps what all processes said.</summary>
    public void WriteLogs()
    {
        string logs = Path.Combine(Folder, "logs");
        Directory.CreateDirectory(logs);
        foreach ((string name, ClusterLpProcess process) in _all)
            File.WriteAllText(Path.Combine(logs, name + ".log"), process.Said() + (process.HasEnded ? string.Create(CultureInfo.InvariantCulture, $"exit {process.EndedWith}\n") : "alive\n"));
    }

    public IEnumerable<(string Name, ClusterLpProcess Process)> All => _all;

    public void Dispose()
    {
        foreach ((_, ClusterLpProcess process) in _all)
            process.Dispose();
        Lab?.Dispose();
    }

    private string Address => $"{Coordinator.Home?.Address ?? "127.0.0.1"}:{Port}";

    private string[] CoordinatorCommand => _schedule.Cluster.Place == Place.Embedded
        ? ["compress", Model, "--output", Output, "--job-dir", JobDirectory, "--workers", Number(_schedule.Cluster.Threads.Length),
            "--threads", Number(_schedule.Cluster.Threads[0]), .. _schedule.Job.Options.SelectMany(option => (string[])[$"--{option.Key}", Convert.ToString(option.Value, CultureInfo.InvariantCulture)!])]
        : ["coordinator", "--job", _jobFile, "--listen", Address, "--threads", "1", .. Served, .. Secure];

    private string[] Served => _schedule.Cluster.Served ? ["--serve-blobs", $"{Coordinator.Home?.Address ?? "127.0.0.1"}:0"] : [];

    private string[] Secure => Lab is null ? _tls : ["--insecure"];

    private string[] WorkerCommand(Node node) =>
    [
        "worker", "--coordinator", Address, "--threads", Number(_schedule.Cluster.Threads[(node.Number - 1) % _schedule.Cluster.Threads.Length]),
        "--host", node.Home?.Address ?? "127.0.0.1", "--root", Path.GetDirectoryName(Folder)!, .. Secure,
    ];

    private IEnumerable<string> RulesOf(Node node) => _schedule.Disturbances
        .Where(disturbance => disturbance.Rule is not null && disturbance.Node == node.Number && disturbance.Life == node.Life).Select(disturbance => disturbance.Rule!);

    private ClusterLpProcess Launch(Node node, string name, string[] rules, string[] command)
    {
        string marks = MarksOf(node);
        Directory.CreateDirectory(marks);
        var environment = new Dictionary<string, string> { ["CLUSTERLP_FAILPOINTS"] = string.Join(';', rules), ["CLUSTERLP_FAILPOINTS_DIR"] = marks };
        ClusterLpProcess process = Lab is null ? ClusterLpProcess.Start(environment, command) : Lab.Start(node.Home!, environment, command);
        _all.Add((name, process));
        return process;
    }

    private static int ThreadsInAll(ChaosCluster cluster) =>
        cluster.Place == Place.Embedded ? cluster.Threads.Length * cluster.Threads[0] : cluster.Threads.Sum();

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
