using ClusterLp.Core.Faults;

namespace ClusterLp.Cluster.Tests.Faults;

internal enum Who
{
    Coordinator,
    /// <summary>The first of the two workers.</summary>
    Worker,
    /// <summary>Every worker, those started later included.</summary>
    EveryWorker,
}

/// <summary>When a fault strikes: a failpoint of one of the processes, at which it stops and waits, or misbehaves by itself.</summary>
/// <param name="Who">Whose.</param>
/// <param name="Rule">For <c>CLUSTERLP_FAILPOINTS</c>.</param>
internal sealed record Moment(Who Who, string Rule)
{
    /// <summary>Whether the process stops there until it is let go.</summary>
    public bool Holds => Rule.Contains("=hold", StringComparison.Ordinal);

    /// <summary>The worker is about to compute its n-th block of a stage (of every round, if none is named).</summary>
    public static Moment Block(string stage, int n = 1) => new(Who.Worker, $"{Failpoint.WorkerBlock}/{stage}=hold@{n}");

    /// <summary>The worker has written its n-th block of a stage and told nobody.</summary>
    public static Moment Written(string stage, int n = 1) => new(Who.Worker, $"{Failpoint.WorkerReport}/{stage}=hold@{n}");

    /// <summary>The coordinator is about to record the n-th block of a stage.</summary>
    public static Moment Commit(string stage, int n = 5) => new(Who.Coordinator, $"{Failpoint.CoordinatorCommit}/{stage}=hold@{n}");

    /// <summary>The coordinator has recorded the n-th block of a stage and told nobody.</summary>
    public static Moment Committed(string stage, int n = 5) => new(Who.Coordinator, $"{Failpoint.CoordinatorCommitted}/{stage}=hold@{n}");

    /// <summary>All blocks of a stage are committed; their reduction is about to begin.</summary>
    public static Moment Reduce(string stage) => new(Who.Coordinator, $"{Failpoint.CoordinatorReduce}/{stage}=hold@1");

    /// <summary>A stage is reduced, and that is not recorded yet.</summary>
    public static Moment Reduced(string stage) => new(Who.Coordinator, $"{Failpoint.CoordinatorReduced}/{stage}=hold@1");

    /// <summary>The fit is done; the output is about to be written.</summary>
    public static Moment Assemble { get; } = new(Who.Coordinator, $"{Failpoint.OutputAssemble}=hold@1");

    /// <summary>The output is written and about to get its name.</summary>
    public static Moment Publish { get; } = new(Who.Coordinator, $"{Failpoint.OutputCommit}=hold@1");

    /// <summary>The coordinator has just claimed the job.</summary>
    public static Moment Claimed { get; } = new(Who.Coordinator, $"{Failpoint.CoordinatorClaim}=hold@1");

    public override string ToString() => $"{Who.ToString().ToLowerInvariant()} at {Rule}";
}
