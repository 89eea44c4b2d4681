using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using ClusterLp.Core;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cluster.Tests;

/// <summary>
/// A low-rank matrix with Student-t noise (2 degrees of freedom) in a .npy file, tall enough for the coreset path, and
/// ways to compress it. Everything lies in a folder of its own.
/// </summary>
public sealed class HeavyTailedJob : IDisposable
{
    public const int Rows = 16000, Columns = 96, BlockRows = 500, Blocks = 32, JointBlockRows = 2000;
    private const string Share = "0.3";

    /// <summary>Keys of a job that make its fit the joint one, in fewer blocks: it has many rounds.</summary>
    internal static readonly (string Key, object Value)[] Joint = [("fit", "joint"), ("block-rows", JointBlockRows)];

    private readonly string _folder = Directory.CreateTempSubdirectory("clusterlp-cluster-").FullName;
    // The same for all: computed once, by whoever asks first.
    private static readonly Lazy<byte[]> s_matrix = new(() => Matrix(Rows, Columns));
    private static readonly Lazy<Task<string>> s_reference = new(() => UndisturbedAsync(joint: false)), s_jointReference = new(() => UndisturbedAsync(joint: true));
    private int _runs;

    public HeavyTailedJob()
    {
        Model = Path.Combine(_folder, "matrix.npy");
        File.WriteAllBytes(Model, s_matrix.Value);
    }

    public string Model { get; }

    /// <summary>SHA-256 of the factors by one embedded worker with one thread; at p = 1.</summary>
    public Task<string> ReferenceAsync() => s_reference.Value;

    /// <summary>The same by the <see cref="Joint"/> fit.</summary>
    public Task<string> JointReferenceAsync() => s_jointReference.Value;

    private static async Task<string> UndisturbedAsync(bool joint)
    {
        using var job = new HeavyTailedJob();
        string[] alone = ["--workers", "1", "--threads", "1"];
        return (await (joint ? job.CompressAsync(JointBlockRows, ["--fit", "joint", .. alone]) : job.CompressAsync(alone))).Digest();
    }

    /// <summary>Compresses in one process.</summary>
    internal Task<JobPaths> CompressAsync(params string[] options) => CompressAsync(BlockRows, options);

    private async Task<JobPaths> CompressAsync(int blockRows, string[] options)
    {
        JobPaths paths = NextPaths();
        await ClusterLpProcess.RunAsync(ExitCode.Done, [
            "compress", Model, "--compression", Share, "--p", "1", "--block-rows", blockRows.ToString(CultureInfo.InvariantCulture),
            "--output", paths.Output, "--quiet", .. options,
        ]);
        return paths;
    }

    /// <summary>A copy of the model with one entry spoilt.</summary>
    public string ModelWithNaN(int row, int column)
    {
        string copy = Path.Combine(_folder, "spoilt.npy");
        File.Copy(Model, copy);
        using FileStream file = File.OpenWrite(copy);
        file.Position = file.Length + sizeof(float) * ((row - Rows) * (long)Columns + column);
        file.Write(BitConverter.GetBytes(float.NaN));
        return copy;
    }

    /// <summary>Starts a coordinator of the same job, or of it with another model, on a free port, with more options, and waits until it listens.</summary>
    internal Task<RunningCoordinator> StartCoordinatorAsync(string? model = null, params string[] options) =>
        StartCoordinatorAsync(arguments => ClusterLpProcess.Start([.. arguments, .. Listen(), .. options]), model);

    /// <summary>The same with other keys in the job.</summary>
    internal Task<RunningCoordinator> StartCoordinatorWithAsync(params (string Key, object Value)[] keys) =>
        StartCoordinatorAsync(arguments => ClusterLpProcess.Start([.. arguments, .. Listen()]), keys: keys);

    /// <summary>
    /// What such a job comes to on two workers, the first of which is killed before its first block of a stage: of a round of the tensor's
    /// model's own, where no other is named.
    /// </summary>
    internal async Task<string> DigestAfterAKillInARoundAsync(string key, object value, string stage = "model")
    {
        using RunningCoordinator coordinator = await StartCoordinatorWithAsync((key, value));
        string held = Directory.CreateDirectory(coordinator.Paths.JobDirectory + "-held").FullName;
        ClusterLpProcess victim = coordinator.StartWorker(
            1, new Dictionary<string, string> { ["CLUSTERLP_FAILPOINTS"] = $"worker.block/{stage}=hold", ["CLUSTERLP_FAILPOINTS_DIR"] = held });
        await JobPaths.UntilAsync(() => Directory.GetFiles(held).Length > 0, $"the victim's first block of {stage}");
        ClusterLpProcess survivor = coordinator.StartWorker();
        victim.Kill();
        await coordinator.Process.ExpectAsync(ExitCode.Done);
        await survivor.ExpectAsync(ExitCode.Done);
        return coordinator.Paths.Digest();
    }

    /// <summary>Where a coordinator of a test of its own listens.</summary>
    internal static string[] Listen() => ["--listen", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{ClusterLpProcess.FreePort()}")];

    /// <summary>As above, by other means.</summary>
    /// <param name="start">Starts the process with these arguments and those that say where to listen.</param>
    /// <param name="model">Null: the usual one.</param>
    /// <param name="keys">Of the job, beside or in the place of the usual ones.</param>
    internal async Task<RunningCoordinator> StartCoordinatorAsync(Func<string[], ClusterLpProcess> start, string? model = null, params (string Key, object Value)[] keys)
    {
        (JobPaths paths, string file) = WriteJob(model ?? Model, keys);
        ClusterLpProcess process = start(["coordinator", "--job", file]);
        try
        {
            string address = Path.Combine(paths.JobDirectory, "coordinator.address");
            await JobPaths.UntilAsync(() => File.Exists(address) || process.HasEnded, "the coordinator to listen");
            Assert.True(File.Exists(address), process.HasEnded ? await process.ErrorAsync() : "");
            return new RunningCoordinator(process, (await File.ReadAllTextAsync(address)).Trim(), paths);
        }
        catch
        {
            process.Dispose();
            throw;
        }
    }

    /// <summary>A job file for a model, by its own paths.</summary>
    internal (JobPaths Paths, string File) WriteJob(string model, params (string Key, object Value)[] keys)
    {
        JobPaths paths = NextPaths();
        string file = paths.Output + ".json";
        var job = new Dictionary<string, object>
        {
            ["model"] = model, ["output"] = paths.Output, ["job-dir"] = paths.JobDirectory, ["compression"] = 0.3, ["p"] = 1,
            ["block-rows"] = BlockRows,
        };
        foreach ((string key, object value) in keys)
            job[key] = value;
        File.WriteAllText(file, JsonSerializer.Serialize(job));
        return (paths, file);
    }

    private JobPaths NextPaths()
    {
        int run = Interlocked.Increment(ref _runs);
        return new JobPaths(Path.Combine(_folder, $"out-{run}"), Path.Combine(_folder, $"job-{run}"));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Such a matrix as a .npy file, always the same for its size.</summary>
    internal static byte[] Matrix(int rowCount, int columns)
    {
        int rank = columns / 4;
        var random = new Random(7);
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        double[] right = [.. Enumerable.Range(0, rank * columns).Select(_ => Normal())];
        var rows = new float[rowCount * columns];
        var left = new double[rank];
        for (int i = 0; i < rowCount; i++)
        {
            for (int r = 0; r < rank; r++)
                left[r] = Normal();
            // A few rows hold most of the norm, so that V is fitted on a sample first and the job has every stage but the joint one.
            double length = random.Next(64) == 0 ? 30 : 1;
            for (int j = 0; j < columns; j++)
            {
                double value = Normal() / Math.Sqrt(-Math.Log(1 - random.NextDouble()));
                for (int r = 0; r < rank; r++)
                    value += left[r] * right[r * columns + j];
                rows[i * columns + j] = (float)(length * value);
            }
        }
        string header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rowCount}, {columns}), }}".PadRight(117) + '\n';
        return [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. Encoding.ASCII.GetBytes(header), .. MemoryMarshal.AsBytes<float>(rows)];
    }
}

/// <summary>Where a run of the job puts things.</summary>
internal sealed record JobPaths(string Output, string JobDirectory)
{
    private string FactoriseFolder => Path.Combine(JobDirectory, "blobs", "t0", "factorise");

    /// <summary>SHA-256 of the factors.</summary>
    public string Digest() => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(Output, "model.safetensors"))));

    /// <summary>Blocks of U that are written, as (block, attempt); complete ones only.</summary>
    public (int Block, int Attempt)[] FactorisedBlocks() => Directory.Exists(FactoriseFolder)
        ? [.. Directory.GetFiles(FactoriseFolder).Select(path => Path.GetFileName(path).Split('.')).Where(name => name.Length == 3)
            .Select(name => (int.Parse(name[0], CultureInfo.InvariantCulture), int.Parse(name[2], CultureInfo.InvariantCulture))).Order()]
        : [];

    /// <summary>Waits until the scan is done and most of the work is still ahead.</summary>
    public Task UnderWayAsync() => UntilAsync(() => Directory.Exists(Path.Combine(JobDirectory, "blobs", "t0", "lewis-0")), "the end of the scan");

    /// <summary>Times a block of any stage was handed out again, as the job's last snapshot says.</summary>
    public int Retries() => JobStatusFile.Read(JobDirectory).Progress!.Retries;

    /// <summary>Times a slow block was handed out to a second worker too.</summary>
    public int Speculative() => JobStatusFile.Read(JobDirectory).Progress!.Speculative;

    /// <param name="condition">Looked at every 10 ms, for two minutes: longer than anything that still moves takes on a busy machine.</param>
    /// <param name="what">It, in words.</param>
    /// <param name="context">What else to say if it never holds.</param>
    public static async Task UntilAsync(Func<bool> condition, string what, Func<string>? context = null)
    {
        for (DateTime end = DateTime.UtcNow.AddMinutes(2); !condition(); await Task.Delay(10))
            Assert.True(DateTime.UtcNow < end, $"waited in vain for {what}\n{context?.Invoke()}");
    }
}

/// <summary>A coordinator that listens on <paramref name="Address"/>, and the workers started for it.</summary>
internal sealed partial record RunningCoordinator(ClusterLpProcess Process, string Address, JobPaths Paths) : IDisposable
{
    private readonly List<ClusterLpProcess> _workers = [];

    public ClusterLpProcess StartWorker(int threads = 1, params string[] options) => StartWorker(threads, new Dictionary<string, string>(), options);

    /// <summary>With more environment variables.</summary>
    public ClusterLpProcess StartWorker(int threads, IReadOnlyDictionary<string, string> environment, params string[] options) =>
        StartWorkerWith(environment, ["--threads", threads.ToString(CultureInfo.InvariantCulture), .. options]);

    /// <param name="environment">Set for the process beside the test's own.</param>
    /// <param name="options">But not the coordinator's address.</param>
    public ClusterLpProcess StartWorkerWith(IReadOnlyDictionary<string, string> environment, params string[] options)
    {
        ClusterLpProcess worker = ClusterLpProcess.Start(environment, ["worker", "--coordinator", Address, .. options]);
        _workers.Add(worker);
        return worker;
    }

    /// <summary>
    /// After the coordinator's end: every worker that joined ends with 0. One that came too late still looks for the
    /// coordinator; it is not waited for.
    /// </summary>
    public async Task JoinedWorkersEndAsync()
    {
        // An id is MACHINE-PID-TERM: a process that lost its connection has joined more than once.
        int joined = JoinedProcess().Matches(await Process.ErrorAsync()).DistinctBy(match => match.Groups[1].Value).Count();
        Assert.InRange(joined, 1, _workers.Count);
        await JobPaths.UntilAsync(() => _workers.Count(worker => worker.HasEnded) >= joined, "the workers to end");
        foreach (ClusterLpProcess worker in _workers.Where(worker => worker.HasEnded))
            await worker.ExpectAsync(ExitCode.Done);
    }

    [GeneratedRegex(@"worker (\S+)-[0-9a-f]{32} joined with")]
    private static partial Regex JoinedProcess();

    public void Dispose()
    {
        Process.Dispose();
        foreach (ClusterLpProcess worker in _workers)
            worker.Dispose();
    }
}
