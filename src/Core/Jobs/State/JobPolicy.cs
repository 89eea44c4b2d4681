namespace ClusterLp.Core.Jobs.State;

/// <summary>The few numbers by which a job hands out its blocks.</summary>
public sealed record JobPolicy
{
    /// <summary>How long a worker may hold a block without a sign of progress.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How long a worker whose connection broke may hold a block without a sign of progress.</summary>
    public TimeSpan LeaseInDoubt { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Failures after which a block is poison, once it failed on two workers (or on the only one).</summary>
    public int MostFailures { get; init; } = 5;

    /// <summary>Tensors in work at once: idle workers go on while one is reduced, and scratch space stays bounded.</summary>
    public int TensorWindow { get; init; } = 3;

    /// <summary>When a worker without work asks again (it is also served as soon as there is some).</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A block gets a second copy on an idle worker once half its stage is committed and it has taken longer than this and
    /// than <see cref="StragglerFactor"/> times the stage's median.
    /// </summary>
    public TimeSpan StragglerAfter { get; init; } = TimeSpan.FromSeconds(3);

    /// <inheritdoc cref="StragglerAfter"/>
    public double StragglerFactor { get; init; } = 2;

    /// <summary>Times a tensor may start over because a result of an earlier stage was lost or damaged.</summary>
    public int MostRewinds { get; init; } = 2;
}
