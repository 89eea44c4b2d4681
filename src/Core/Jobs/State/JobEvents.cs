using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.Jobs.State;

/// <summary>Something that happened to a job. Times are durations since the job's start, from one monotonic clock.</summary>
public abstract record JobEvent
{
    /// <summary>When it happened.</summary>
    public abstract TimeSpan Now { get; init; }
}

/// <param name="Worker">Who joined.</param>
/// <param name="Slots">Blocks it computes at once, 1 or more.</param>
public sealed record WorkerRegistered(WorkerId Worker, int Slots, TimeSpan Now) : JobEvent;

/// <param name="Worker">Who is gone: process ended, unreachable and downed, or left.</param>
/// <param name="Cause">Why, for the log and for a poison block's report.</param>
public sealed record WorkerLost(WorkerId Worker, string Cause, TimeSpan Now) : JobEvent;

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
