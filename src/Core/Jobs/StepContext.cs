using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.Jobs;

/// <summary>What a step may use besides its task: where blobs go, how many threads, when to stop, whom to tell.</summary>
/// <param name="Blobs">The job's blob store.</param>
/// <param name="Threads">Threads a reduction may use, 1 or more; the result does not depend on it.</param>
/// <param name="Cancellation">Checked between tiles, at least every second.</param>
/// <param name="Progress">Receives the share done, 0 to 1, from the computing thread; may be null.</param>
public sealed record StepContext(IBlobStore Blobs, int Threads, CancellationToken Cancellation, Action<double>? Progress = null)
{
    /// <summary>What this process remembers of blocks in the joint fit; null: nothing.</summary>
    public RowStates? States { get; init; }

    /// <summary>Where the blocks' rows of the first factor are to lie; null: blobs of their own.</summary>
    public FactorPlace? Place { get; init; }

    /// <summary>Whether blocks are computed in this process too, which then need not read what a reduction has just written.</summary>
    public bool Embedded { get; init; }

    /// <summary>What was added up before the reduction; null: nothing.</summary>
    public GramsAhead? Ahead { get; init; }
}
