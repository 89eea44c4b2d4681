using System.Diagnostics;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Jobs.State;

namespace ClusterLp.Coordinator;

/// <summary>What a job needs from its process.</summary>
/// <param name="Pipeline">What reduces its stages.</param>
/// <param name="Blobs">Its blob store.</param>
/// <param name="Checkpoints">Where it records what counts.</param>
/// <param name="State">Where it begins, or goes on.</param>
/// <param name="JobDirectory">Its folder, as told to workers.</param>
/// <param name="Threads">Threads of a reduction, 1 or more; the result does not depend on it.</param>
/// <param name="Progress">Told a few times a second, from an actor's thread.</param>
public sealed record JobSettings(
    IFitPipeline Pipeline, IBlobStore Blobs, ICheckpointLog Checkpoints, JobState State, string JobDirectory, int Threads, IProgress<JobProgress> Progress)
{
    /// <inheritdoc cref="StepContext.Embedded"/>
    public bool Embedded { get; init; }

    /// <summary>Where blobs are served to workers that do not see the folder; null: nowhere.</summary>
    public string? BlobEndpoint { get; init; }

    /// <summary>The span the job's own belong to; none: it is not traced.</summary>
    public ActivityContext Trace { get; init; }

    /// <summary>How fast the job moves, for whoever asks from outside; null: not known.</summary>
    public Func<JobPace?> Pace { get; init; } = () => null;

    /// <summary>Called about once a second while the job's actor gets to work.</summary>
    public Action Alive { get; init; } = () => { };
}
