using System.Collections.Immutable;
using ClusterLp.Core.Faults;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Jobs.Checkpoints;

/// <summary>Where a job's owner records what counts. Calls come from one thread at a time.</summary>
public interface ICheckpointLog
{
    /// <summary>Adds records to the journal and makes them durable before it returns.</summary>
    /// <exception cref="ClusterLpException">They cannot be written (exit 73), or another coordinator has the job (75).</exception>
    void Append(IReadOnlyList<CheckpointRecord> records);

    /// <summary>
    /// Writes the state whole and begins a new journal. Blobs are deleted one snapshot after they were superseded, when no
    /// generation that may be read again needs them.
    /// </summary>
    /// <exception cref="ClusterLpException">As <see cref="Append"/>.</exception>
    void Snapshot(JobState state, ImmutableArray<BlobRef> superseded);

    /// <summary>Looks for a successor; writes ask the same.</summary>
    /// <exception cref="ClusterLpException">Another coordinator has the job (exit 75).</exception>
    void EnsureOwned();
}

/// <summary>The checkpoint of a job directory, <c>checkpoints/</c>: the last two generations.</summary>
/// <param name="folder">Created where it is missing.</param>
/// <param name="epoch">The writer's; asked before every write whether it is still the newest.</param>
/// <param name="blobs">Where superseded blobs lie.</param>
/// <param name="durable">Flush to the device: survives power loss, not only the process' death.</param>
public sealed class CheckpointLog(string folder, EpochClaim epoch, IBlobStore blobs, bool durable) : ICheckpointLog, IDisposable
{
    private Journal? _journal;
    private Generation _current = new(epoch.Epoch.Value, 0);
    private ImmutableArray<BlobRef> _superseded = [];

    public void Append(IReadOnlyList<CheckpointRecord> records) => Guard(() =>
    {
        foreach (CheckpointRecord record in records)
            if (record is CommitRecord commit)
                Failpoint.Reach(Failpoint.CoordinatorCommit, $"{commit.Stage}/{commit.Block}");
        byte[] lines = [.. records.SelectMany(CheckpointLine.Write)];
        epoch.EnsureNewest();
        _journal!.Append(lines);
        foreach (CheckpointRecord record in records)
            if (record is CommitRecord commit)
                Failpoint.Reach(Failpoint.CoordinatorCommitted, $"{commit.Stage}/{commit.Block}");
    });

    public void Snapshot(JobState state, ImmutableArray<BlobRef> superseded) => Guard(() =>
    {
        epoch.EnsureNewest();
        Generation next = _current with { Number = _current.Number + 1 };
        byte[] line = CheckpointLine.Write(state.ToCheckpoint());
        Journal journal = ObjectStores.IsAddress(folder) ? BeginObjects(next, line) : BeginFiles(next, line);
        _journal?.Dispose();
        (_journal, _current) = (journal, next);
        foreach (Generation old in Generation.In(folder).Where(old => old.CompareTo(next) < 0).SkipLast(1))
        {
            StoredFiles.Delete(StoredFiles.Combine(folder, old.Snapshot));
            Journal.Delete(StoredFiles.Combine(folder, old.Journal));
        }
        foreach (BlobRef blob in _superseded)
            blobs.Delete(blob);
        _superseded = superseded;
    });

    public void EnsureOwned() => epoch.EnsureNewest();

    public void Dispose() => _journal?.Dispose();

    private Journal BeginFiles(Generation next, byte[] line)
    {
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, next.Snapshot);
        using (var file = new FileStream(path + ".tmp", FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0))
        {
            Failpoint.Wrap(Failpoint.CheckpointWrite, next.Snapshot, file, line.Length).Write(line);
            file.Flush(flushToDisk: durable);
        }
        Journal journal = Journal.Create(Path.Combine(folder, next.Journal), durable);
        File.Move(path + ".tmp", path, overwrite: true);
        if (durable)
            FileSync.Directory(folder);
        return journal;
    }

    // An object appears whole; nothing has to be renamed.
    private Journal BeginObjects(Generation next, byte[] line)
    {
        Failpoint.Reach(Failpoint.CheckpointWrite, next.Snapshot);
        StoredFiles.Replace(StoredFiles.Combine(folder, next.Snapshot), line, durable);
        return Journal.Create(StoredFiles.Combine(folder, next.Journal), durable);
    }

    private void Guard(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A folder that vanished or became read-only may be a sign of a successor.
            epoch.EnsureNewest();
            throw ClusterLpException.CannotWrite($"{folder}: the job's checkpoint cannot be written: {e.Message}", e);
        }
    }
}
