using ClusterLp.Core;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.WorkerNode;

/// <summary>What a worker needs from its process.</summary>
/// <param name="Id">Unique among all processes that ever join the job.</param>
/// <param name="Slots">Blocks computed at once, 1 or more.</param>
/// <param name="Pipeline">What computes them.</param>
/// <param name="Sources">Opened inputs; not owned.</param>
/// <param name="OpenStore">The job's blob store, given the job directory as the coordinator names it.</param>
/// <param name="GiveUpAfter">How long a coordinator may be silent, at first or later; infinite: for ever.</param>
public sealed record WorkerSettings(
    WorkerId Id, int Slots, IFitPipeline Pipeline, SourceCache Sources, Func<string, IBlobStore> OpenStore, TimeSpan GiveUpAfter)
{
    /// <summary>How long to wait to be let in; null: <see cref="GiveUpAfter"/>.</summary>
    public TimeSpan? JoinWithin { get; init; }

    /// <summary>The job's blob store by way of the coordinator's blob endpoint, where one is announced; null: the folder is used.</summary>
    public Func<Uri, IBlobStore>? OpenEndpoint { get; init; }

    /// <summary>What the process remembers of blocks in the joint fit; not owned; null: nothing.</summary>
    public RowStates? States { get; init; }

    /// <summary>Where blocks write the first factor, if no other process computes any; null: blobs of their own.</summary>
    public FactorPlace? Place { get; init; }

    /// <summary>Called once, from the actor, when a coordinator has let the worker in.</summary>
    public Action<JobId> Joined { get; init; } = _ => { };

    /// <summary>Called about once a second while the worker's actor gets to work.</summary>
    public Action Alive { get; init; } = () => { };
}

/// <summary>Why a worker stopped. Done: the job is over. Resumable: no coordinator. Usage: it was turned away. Interrupted: drained.</summary>
public sealed record WorkerEnd(ExitCode Code, string Reason);
