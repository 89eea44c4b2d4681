using System.Text.Json;
using System.Text.Json.Serialization;
using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Cli.Hosting;

/// <summary>The job directory: <c>job.json</c> (the plan), <c>blobs/</c>, and <c>coordinator.address</c> in cluster mode.</summary>
internal sealed class JobFolder
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true, Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private readonly string _path;

    /// <summary>Creates the folder where it is missing and writes the plan into it.</summary>
    /// <exception cref="ClusterLpException">It cannot be written (exit 73).</exception>
    public JobFolder(string path, JobPlan plan)
    {
        _path = Path.GetFullPath(path);
        Write("job.json", JsonSerializer.Serialize(plan, Json));
        Blobs = Store(_path);
    }

    public FileBlobStore Blobs { get; }

    /// <summary>The absolute path.</summary>
    public string FullPath => _path;

    /// <summary>The blob store of a job directory, wherever this process has it.</summary>
    public static FileBlobStore Store(string jobDirectory) => new(Path.Combine(jobDirectory, "blobs"));

    /// <summary>Says where the coordinator listens: <c>HOST:PORT</c>.</summary>
    public void WriteAddress(string address) => Write("coordinator.address", address + "\n");

    private void Write(string name, string text)
    {
        string path = Path.Combine(_path, name);
        try
        {
            Directory.CreateDirectory(_path);
            File.WriteAllText(path + ".tmp", text);
            File.Move(path + ".tmp", path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.CannotWrite($"{path}: cannot write into the job directory: {e.Message}", e);
        }
    }
}
