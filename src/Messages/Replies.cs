using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.State;

namespace ClusterLp.Messages;

/// <summary>Job to worker: registered; ask the sender for work.</summary>
/// <param name="JobDirectory">The job's shared folder as the coordinator sees it; a worker may have its own path to it.</param>
/// <param name="BlobEndpoint">Where the coordinator serves blobs over HTTP or HTTPS, for workers that do not see the folder; or null.</param>
public sealed record WorkerAccepted(JobId JobId, Epoch Epoch, string JobDirectory, string? BlobEndpoint = null) : IJobMessage;

/// <summary>Coordinator to worker: cannot be used, and why; the worker ends.</summary>
public sealed record WorkerRejected(string Reason) : IWireMessage;

/// <summary>Job to worker: nothing now; ask again after <paramref name="RetryAfter"/> unless work comes first.</summary>
public sealed record NoWork(JobId JobId, Epoch Epoch, TimeSpan RetryAfter) : IJobMessage;

/// <summary>Job to whoever asked by <see cref="RequestStatus"/>: a snapshot.</summary>
/// <param name="Input">Model path as the coordinator has it.</param>
/// <param name="Output">Output path as the coordinator has it.</param>
/// <param name="Host">The coordinator's machine.</param>
/// <param name="ProcessId">The coordinator's process id there.</param>
/// <param name="Started">When that process started (UTC).</param>
/// <param name="Elapsed">Since the fit began.</param>
/// <param name="End">How the fit ended; null while it runs.</param>
/// <param name="Pace">How fast it moves, where that is known.</param>
public sealed record StatusReported(
    JobId JobId, Epoch Epoch, string Input, string Output, string Host, int ProcessId, DateTime Started, TimeSpan Elapsed, JobProgress Progress, JobEnd? End,
    JobPace? Pace = null)
    : IJobMessage;

/// <summary>What a worker says of a block it holds.</summary>
public interface IBlockReply : IJobMessage
{
    WorkerId WorkerId { get; }
    BlockAddress Block { get; }
    int Attempt { get; }
}

/// <summary>Worker to job: still at it; renews the lease. <paramref name="Share"/>: 0 to 1.</summary>
public sealed record BlockProgress(JobId JobId, Epoch Epoch, WorkerId WorkerId, BlockAddress Block, int Attempt, double Share) : IBlockReply;

/// <summary>Worker to job: computed and written; repeated until <see cref="BlockCommitted"/> answers.</summary>
public sealed record BlockComputed(JobId JobId, Epoch Epoch, WorkerId WorkerId, BlockAddress Block, int Attempt, BlockResult Result) : IBlockReply;

/// <summary>Worker to job: came to nothing; repeated until <see cref="BlockCommitted"/> answers.</summary>
/// <param name="Code">What the process should exit with if the job fails of it.</param>
/// <param name="Detail">One sentence.</param>
/// <param name="Corrupt">The blob of an earlier stage that could not be read, if that was the reason.</param>
public sealed record BlockFailed(
    JobId JobId, Epoch Epoch, WorkerId WorkerId, BlockAddress Block, int Attempt, FailureKind Kind, ExitCode Code, string Detail, BlobRef? Corrupt = null)
    : IBlockReply;

/// <summary>Job to worker: your report is dealt with. Not accepted: another attempt counts instead.</summary>
public sealed record BlockCommitted(JobId JobId, Epoch Epoch, BlockAddress Block, int Attempt, bool Accepted) : IJobMessage;

/// <summary>Job to workers: over; leave.</summary>
/// <param name="Code">Done, or what the job failed with.</param>
/// <param name="Reason">Empty where it succeeded.</param>
public sealed record JobFinished(JobId JobId, Epoch Epoch, ExitCode Code, string Reason) : IJobMessage;
