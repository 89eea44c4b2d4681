using System.Collections.Immutable;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Jobs.Checkpoints;

/// <summary>
/// A job directory that this process owns: <c>job.json</c> (the plan), <c>epochs/</c>, <c>checkpoints/</c>,
/// <c>blobs/</c>, and what others left there, taken up as far as it is intact.
/// </summary>
public sealed class JobStore : IDisposable
{
    /// <summary>How long an owner that shows no sign of life is waited for.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(15);

    private readonly EpochClaim _claim;
    private readonly CheckpointLog _log;

    private JobStore(
        string path, EpochClaim claim, JobPlan plan, ImmutableArray<InputStamp> inputs, IOwnedBlobStore blobs, CheckpointLog log, JobState state, int lost)
    {
        (Path, _claim, Plan, Inputs, Blobs, _log, State, Lost) = (path, claim, plan, inputs, blobs, log, state, lost);
    }

    /// <summary>Absolute, or an address.</summary>
    public string Path { get; }

    /// <summary>The plan under the name the job first had.</summary>
    public JobPlan Plan { get; }

    /// <summary>The files the job reads, as they were when it was opened.</summary>
    public ImmutableArray<InputStamp> Inputs { get; }

    public IOwnedBlobStore Blobs { get; }

    public ICheckpointLog Log => _log;

    /// <summary>Where the job stands: at its beginning, or where an earlier run left it.</summary>
    public JobState State { get; }

    /// <summary>Blobs, records and snapshots of earlier runs that were damaged.</summary>
    public int Lost { get; }

    public Epoch Epoch => _claim.Epoch;

    /// <summary>The blob store of a job directory, wherever a process has it.</summary>
    public static IOwnedBlobStore BlobsOf(string jobDirectory, bool durable = false)
    {
        string root = StoredFiles.Combine(StoredFiles.Absolute(jobDirectory), "blobs");
        return ObjectStores.IsAddress(root) ? new ObjectBlobStore(root) : new FileBlobStore(root, durable);
    }

    /// <summary>Claims the directory, checks that it is this job's, reads its checkpoint and compares every blob with its hash.</summary>
    /// <param name="path">Created where it is missing.</param>
    /// <param name="plan">The job as it is asked for now.</param>
    /// <param name="policy">How blocks are handed out.</param>
    /// <param name="durable">Flush blobs and checkpoints to the device.</param>
    /// <param name="checking">Told how many blobs are being compared, before it begins.</param>
    /// <param name="cancellation">Stops waiting and reading.</param>
    /// <exception cref="ClusterLpException">
    /// Another process runs the job (exit 75), the directory is another job's or the input has changed (65), or it cannot be
    /// written (73).
    /// </exception>
    public static JobStore Open(
        string path, JobPlan plan, JobPolicy policy, bool durable, Action<int> checking, CancellationToken cancellation)
    {
        path = StoredFiles.Absolute(path);
        if (!ObjectStores.IsAddress(path))
            Writing(path, () => Directory.CreateDirectory(path));
        EpochClaim claim = EpochClaim.Take(path, Silence, cancellation);
        CheckpointLog? log = null;
        try
        {
            ImmutableArray<InputStamp> inputs = InputRecord.Of(plan);
            JobPlan agreed = JobRecord.Agree(path, plan, inputs, durable);
            IOwnedBlobStore blobs = BlobsOf(path, durable);
            string checkpoints = StoredFiles.Combine(path, "checkpoints");
            JobState fresh = JobState.Begin(agreed, FitPipeline.Begin, claim.Epoch, policy);
            JobState state = CheckpointReader.Read(checkpoints, fresh, out int lost);
            (state, int damaged) = Verify(state, blobs, checking, cancellation);
            state = state with { Kept = state.Committed, Timeline = state.Timeline.Restarted() };
            log = new CheckpointLog(checkpoints, claim, blobs, durable);
            log.Snapshot(state, []);
            blobs.RetainOnly(state.Blobs);
            return new JobStore(path, claim, agreed, inputs, blobs, log, state, lost + damaged);
        }
        catch
        {
            log?.Dispose();
            claim.Dispose();
            throw;
        }
    }

    /// <exception cref="ClusterLpException">Another coordinator has taken the job over (exit 75).</exception>
    public void EnsureOwned() => _claim.EnsureNewest();

    /// <summary>Gives the directory up; it stays.</summary>
    public void Dispose()
    {
        _log.Dispose();
        _claim.Dispose();
    }

    private static (JobState State, int Damaged) Verify(JobState state, IOwnedBlobStore blobs, Action<int> checking, CancellationToken cancellation)
    {
        BlobRef[] counted = [.. state.Blobs];
        if (counted.Length == 0)
            return (state, 0);
        checking(counted.Length);
        var damaged = new System.Collections.Concurrent.ConcurrentDictionary<BlobRef, byte>();
        var options = new ParallelOptions { CancellationToken = cancellation, MaxDegreeOfParallelism = Environment.ProcessorCount };
        Parallel.ForEach(counted, options, blob =>
        {
            if (!blobs.IsIntact(blob, cancellation))
                damaged.TryAdd(blob, 0);
        });
        return (state.Without(damaged.Keys.ToHashSet()), damaged.Count);
    }

    private static void Writing(string path, Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.CannotWrite($"{path}: the job directory cannot be created: {e.Message}", e);
        }
    }
}
