using System.Collections.Immutable;

namespace ClusterLp.Core.Jobs.State;

/// <summary>Where one block of the current stage stands.</summary>
/// <param name="Attempts">Number of the last attempt handed out; 0 before the first. No number is used twice.</param>
/// <param name="Failures">Attempts that came to nothing by an error, a silent or a dead worker.</param>
/// <param name="FailedOn">Workers on which attempts came to nothing.</param>
public abstract record BlockState(int Attempts, int Failures, ImmutableHashSet<WorkerId> FailedOn);

/// <summary>Waits for a worker.</summary>
public sealed record PendingBlock(int Attempts, int Failures, ImmutableHashSet<WorkerId> FailedOn) : BlockState(Attempts, Failures, FailedOn)
{
    /// <summary>A block nobody has tried yet.</summary>
    public static readonly PendingBlock First = new(0, 0, []);
}

/// <summary>Is being computed, by one worker or, where that one is slow, by two.</summary>
/// <param name="Leases">One or two, the older first.</param>
public sealed record LeasedBlock(int Attempts, int Failures, ImmutableHashSet<WorkerId> FailedOn, ImmutableArray<Lease> Leases)
    : BlockState(Attempts, Failures, FailedOn);

/// <summary>A worker's right to compute a block.</summary>
/// <param name="Attempt">Number of this attempt.</param>
/// <param name="Since">When it was given.</param>
/// <param name="Deadline">When it ends unless progress renews it.</param>
/// <param name="Share">Share done, 0 to 1.</param>
public sealed record Lease(WorkerId Worker, int Attempt, TimeSpan Since, TimeSpan Deadline, double Share);

/// <param name="Worker">Whose result it is.</param>
/// <param name="Attempt">Which attempt it is.</param>
/// <param name="Took">How long that attempt took; null where it is not known.</param>
/// <param name="Result">The result that counts.</param>
public sealed record CommittedBlock(
    int Attempts, int Failures, ImmutableHashSet<WorkerId> FailedOn, WorkerId Worker, int Attempt, TimeSpan? Took, BlockResult Result)
    : BlockState(Attempts, Failures, FailedOn);
