using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.Jobs.State;

/// <summary>Something that happened to a job. Times are durations since the job's start, from one monotonic clock.</summary>
public abstract record JobEvent
{
    /// <summary>When it happened.</summary>
    public abstract TimeSpan Now { get; init; }
}

/// <summary>The first event: what an earlier epoch left ready is taken up.</summary>
public sealed record JobStarted(TimeSpan Now) : JobEvent;

/// <param name="Worker">Who joined.</param>
/// <param name="Slots">Blocks it computes at once, 1 or more.</param>
public sealed record WorkerRegistered(WorkerId Worker, int Slots, TimeSpan Now) : JobEvent;

/// <param name="Worker">Who is gone: process ended, unreachable and downed, or left.</param>
/// <param name="Cause">Why, for the log and for a poison block's report.</param>
/// <param name="Orderly">It left by itself, which is no fault of its blocks.</param>
public sealed record WorkerLost(WorkerId Worker, string Cause, bool Orderly, TimeSpan Now) : JobEvent;

/// <summary>The connection to a worker broke. It may be gone, or back in a moment: only progress tells.</summary>
public sealed record WorkerDoubted(WorkerId Worker, TimeSpan Now) : JobEvent;

/// <param name="Worker">Who has free slots.</param>
/// <param name="FreeSlots">How many; replaces what it asked before.</param>
public sealed record WorkRequested(WorkerId Worker, int FreeSlots, TimeSpan Now) : JobEvent;

/// <summary>Something a worker says of a block it holds; counts only if the lease is still this one.</summary>
public abstract record BlockReport(WorkerId Worker, BlockAddress Block, Epoch Epoch, int Attempt) : JobEvent;

/// <param name="Share">Share of the block done, 0 to 1.</param>
public sealed record BlockProgressed(WorkerId Worker, BlockAddress Block, Epoch Epoch, int Attempt, double Share, TimeSpan Now)
    : BlockReport(Worker, Block, Epoch, Attempt);

/// <param name="Result">Its blob and figures.</param>
public sealed record BlockDone(WorkerId Worker, BlockAddress Block, Epoch Epoch, int Attempt, BlockResult Result, TimeSpan Now)
    : BlockReport(Worker, Block, Epoch, Attempt);

/// <param name="Kind">Whether another attempt can help.</param>
/// <param name="Code">What the process should exit with if the job fails of it.</param>
/// <param name="Detail">One sentence.</param>
public sealed record BlockErred(WorkerId Worker, BlockAddress Block, Epoch Epoch, int Attempt, FailureKind Kind, ExitCode Code, string Detail, TimeSpan Now)
    : BlockReport(Worker, Block, Epoch, Attempt);

/// <summary>Time passed: leases that ran out are taken back.</summary>
public sealed record LeaseTick(TimeSpan Now) : JobEvent;

/// <summary>A result of an earlier stage is lost or damaged, and a block of the current stage needs it.</summary>
/// <param name="Tensor">Whose it is.</param>
/// <param name="Stage">The stage that needs it.</param>
/// <param name="Blob">The blob.</param>
/// <param name="Detail">What is wrong with it.</param>
public sealed record InputLost(int Tensor, StageId Stage, BlobRef Blob, string Detail, TimeSpan Now) : JobEvent;

/// <summary>The job must end: it cannot be recorded, or has another coordinator.</summary>
public sealed record JobAborted(JobEnd Why, TimeSpan Now) : JobEvent;

/// <param name="Tensor">Whose stage was reduced.</param>
/// <param name="Stage">Which stage.</param>
/// <param name="Next">Where it leads.</param>
public sealed record ReductionDone(int Tensor, StageId Stage, FitState Next, TimeSpan Now) : JobEvent;

/// <param name="Corrupt">The blob that could not be read, if that was the reason.</param>
public sealed record ReductionFailed(int Tensor, StageId Stage, ExitCode Code, string Detail, BlobRef? Corrupt, TimeSpan Now) : JobEvent;

/// <summary>Whether repeating a failed block can help.</summary>
public enum FailureKind
{
    /// <summary>The machine, the disk or the code at fault: another worker may succeed.</summary>
    Retryable = 0,
    /// <summary>The input is at fault: every worker would find the same.</summary>
    BadData = 1,
}
