using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Reporting;

/// <summary>What a job is doing.</summary>
public enum JobPhase
{
    Fitting,
    /// <summary>Writing the output.</summary>
    Assembling,
    Done,
    Failed,
    Interrupted,
}

/// <summary>The process that runs a job, told apart from a later one of the same id by its start time.</summary>
/// <param name="Host">Machine name.</param>
/// <param name="Pid">Process id on it.</param>
/// <param name="Started">When it started (UTC).</param>
public sealed record JobProcess(string Host, int Pid, DateTime Started)
{
    // The operating system counts start times in ticks since boot, so two readings of one may differ a little.
    private static readonly TimeSpan StartTolerance = TimeSpan.FromSeconds(2);

    /// <summary>This process.</summary>
    public static JobProcess Current()
    {
        using var self = Process.GetCurrentProcess();
        return new JobProcess(Environment.MachineName, Environment.ProcessId, self.StartTime.ToUniversalTime());
    }

    /// <summary>Whether it runs now; null where that cannot be told: it is of another machine, or hidden from this user.</summary>
    public bool? IsAlive()
    {
        if (Host != Environment.MachineName)
            return null;
        try
        {
            using var process = Process.GetProcessById(Pid);
            return (process.StartTime.ToUniversalTime() - Started).Duration() < StartTolerance;
        }
        catch (Win32Exception)
        {
            // It was there, and its start cannot be read: it ended in between, or a system that hides others' processes hides it.
            return Exists(Pid) ? null : false;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }

    private static bool Exists(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}

/// <summary>The contents of progress.json.</summary>
public sealed record JobStatus
{
    public required string JobId { get; init; }
    public required JobPhase Phase { get; init; }
    public required string Input { get; init; }
    public required string Output { get; init; }
    public required JobProcess Process { get; init; }
    /// <summary>When this was written (UTC).</summary>
    public required DateTime Updated { get; init; }
    public required double ElapsedSeconds { get; init; }
    /// <summary>Estimate; null while there is nothing to base one on.</summary>
    public double? RemainingSeconds { get; init; }
    /// <summary>Of the stages under way, together; null while nobody works on them.</summary>
    public double? RowsPerSecond { get; init; }
    /// <summary>Share of the fit's work that is done, 0 to 1; an estimate.</summary>
    public double? Share { get; init; }
    public JobProgress? Progress { get; init; }
    /// <summary>Why the job failed; null otherwise.</summary>
    public string? Error { get; init; }
}

/// <summary>progress.json in a job directory: a snapshot about once a second, replaced atomically.</summary>
public static class JobStatusFile
{
    public const string Name = "progress.json";

    private const int LargestSnapshot = 64 << 20;

    /// <summary>Replaces the snapshot; readers see the old or the new one.</summary>
    /// <exception cref="IOException">The directory is gone or full.</exception>
    public static void Write(string jobDirectory, JobStatus status)
    {
        string path = StoredFiles.Combine(jobDirectory, Name), temporary = path + ".tmp";
        if (ObjectStores.IsAddress(path))
        {
            StoredFiles.Replace(path, ReportJson.Write(status), durable: false);
            return;
        }
        File.WriteAllBytes(temporary, ReportJson.Write(status));
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Reads the snapshot.</summary>
    /// <exception cref="ClusterLpException">No such directory or snapshot (exit 66), or it is not one (65).</exception>
    public static JobStatus Read(string jobDirectory)
    {
        string path = StoredFiles.Combine(StoredFiles.Absolute(jobDirectory), Name);
        try
        {
            return JsonSerializer.Deserialize<JobStatus>(StoredFiles.Read(path, LargestSnapshot) ?? throw new FileNotFoundException(), ReportJson.Options)
                ?? throw ClusterLpException.BadInput($"{path}: the snapshot is null.");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw ClusterLpException.InputMissing(StoredFiles.FolderExists(jobDirectory)
                ? $"{jobDirectory}: no {Name} there, so no job has run in this directory; give the --job-dir of a job."
                : $"{jobDirectory}: no such job directory (a finished job removes its own unless --job-dir was given).", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.InputMissing($"{path}: cannot be read: {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw ClusterLpException.BadInput($"{path}: not a job snapshot: {e.Message}", e);
        }
    }
}
