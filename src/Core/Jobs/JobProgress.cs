using System.Collections.Immutable;

namespace ClusterLp.Core.Jobs;

/// <summary>A snapshot of a running job, for progress lines and <c>status</c>.</summary>
/// <param name="Tensors">One entry a tensor, in plan order.</param>
/// <param name="Workers">Workers connected now.</param>
/// <param name="BlocksCommitted">Blocks committed, all stages and tensors.</param>
/// <param name="Retries">Times a block that nobody held any more had to be handed out again.</param>
/// <param name="BlocksKept">Of the committed, blocks taken over from an earlier run.</param>
public sealed record JobProgress(ImmutableArray<TensorProgress> Tensors, int Workers, int BlocksCommitted, int Retries, int BlocksKept = 0)
{
    /// <summary>Times a slow block was handed out to a second worker too.</summary>
    public int Speculative { get; init; }

    /// <summary>The workers connected now, in order of their ids.</summary>
    public ImmutableArray<WorkerProgress> Members { get; init; } = [];
}

/// <summary>What one worker does.</summary>
/// <param name="Worker">Its id.</param>
/// <param name="Slots">Blocks it computes at once.</param>
/// <param name="BlocksLeased">Blocks in its hands.</param>
/// <param name="BlocksCommitted">Blocks of its that count, since it joined.</param>
public sealed record WorkerProgress(string Worker, int Slots, int BlocksLeased, int BlocksCommitted);

/// <summary>How fast a job moves; estimates.</summary>
/// <param name="Share">Share of the fit's work that is done, 0 to 1.</param>
/// <param name="RowsPerSecond">Of the stages under way, together; null: not known yet.</param>
/// <param name="RemainingSeconds">To the end of the fit; null: not known yet.</param>
public sealed record JobPace(double Share, double? RowsPerSecond, double? RemainingSeconds);

/// <summary>Whoever follows a job and can tell its pace.</summary>
public interface IPaced
{
    /// <summary>Null before the first snapshot.</summary>
    JobPace? Pace { get; }
}

/// <summary>Progress of one tensor: blocks of the current stage done out of all, and whether its reduction is running.</summary>
/// <param name="StageShare">Share of the current stage done, 0 to 1, counting parts of blocks in work.</param>
/// <param name="AutoP">p as it was chosen; null where it was given, or is not chosen yet.</param>
public sealed record TensorProgress(string Name, StageId Stage, int BlocksDone, int Blocks, bool Reducing, double StageShare, double? AutoP = null);

/// <summary>How a job's fit ended: every tensor's final state, and where its blobs are. The output is then assembled from it.</summary>
public sealed record JobOutcome(JobPlan Plan, ImmutableArray<FitState> Fits, Blobs.IBlobStore Blobs, int Workers, int Retries)
{
    /// <inheritdoc cref="JobProgress.Speculative"/>
    public int Speculative { get; init; }

    /// <summary>Who did what when; null where it is not known.</summary>
    public State.RunTimeline? Timeline { get; init; }

    /// <summary>Where the blocks wrote the first factor; null: blobs of their own.</summary>
    public FactorModels.FactorPlace? Place { get; init; }
}
