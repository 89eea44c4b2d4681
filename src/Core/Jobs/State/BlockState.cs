using System.Collections.Immutable;

namespace ClusterLp.Core.Jobs.State;

/// <summary>Where one block of the current stage stands.</summary>
/// <param name="Attempt">1 for the first; the one due, running or committed.</param>
/// <param name="FailedOn">Workers on which earlier attempts came to nothing.</param>
public abstract record BlockState(int Attempt, ImmutableHashSet<WorkerId> FailedOn);

/// <summary>Waits for a worker.</summary>
public sealed record PendingBlock(int Attempt, ImmutableHashSet<WorkerId> FailedOn) : BlockState(Attempt, FailedOn)
{
    /// <summary>A block nobody has tried yet.</summary>
    public static readonly PendingBlock First = new(1, []);
}

/// <param name="Worker">Who computes it.</param>
/// <param name="Deadline">When the lease ends unless progress renews it.</param>
/// <param name="Share">Share done, 0 to 1.</param>
public sealed record LeasedBlock(int Attempt, ImmutableHashSet<WorkerId> FailedOn, WorkerId Worker, TimeSpan Deadline, double Share)
    : BlockState(Attempt, FailedOn);

/// <param name="Worker">Whose result it is.</param>
/// <param name="Result">The result that counts.</param>
public sealed record CommittedBlock(int Attempt, ImmutableHashSet<WorkerId> FailedOn, WorkerId Worker, BlockResult Result)
    : BlockState(Attempt, FailedOn);
