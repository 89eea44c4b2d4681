using System.Globalization;

namespace ClusterLp.Chaos;

/// <summary>What is computed.</summary>
/// <param name="Options">Those of <c>compress</c> that decide the bytes of the result.</param>
/// <param name="Stages">Some of its stages, in order.</param>
internal sealed record ChaosJob(IReadOnlyDictionary<string, object> Options, string[] Stages)
{
    public override string ToString() => string.Join(' ', Options.Where(option => option.Key != "block-rows").Select(option => $"{option.Key}={option.Value}"));
}

/// <summary>Where it is computed.</summary>
internal enum Place
{
    /// <summary>In one process, by <c>compress</c>.</summary>
    Embedded,
    /// <summary>By a coordinator and workers on loopback.</summary>
    Loopback,
    /// <summary>By a coordinator and workers with a network namespace each.</summary>
    Network,
}

/// <summary>Which processes there are.</summary>
/// <param name="Place">Where they run.</param>
/// <param name="Threads">Of each worker.</param>
/// <param name="Tls">Whether they speak mutual TLS.</param>
/// <param name="Served">Whether workers get blobs over HTTP.</param>
internal sealed record ChaosCluster(Place Place, int[] Threads, bool Tls, bool Served)
{
    public override string ToString() => $"{Place.ToString().ToLowerInvariant()} {string.Join('+', Threads)}{(Tls ? " tls" : "")}{(Served ? " http" : "")}";
}

/// <summary>One thing that goes wrong.</summary>
/// <param name="Node">Whose failpoint: 0 is the coordinator, or the only process.</param>
/// <param name="Life">Of which start of that process: 0 is the first.</param>
/// <param name="Rule">For <c>CLUSTERLP_FAILPOINTS</c>; null: <paramref name="After"/> decides.</param>
/// <param name="After">Seconds since the job was started.</param>
/// <param name="Deed">What is done to the job then, or while the process waits at the failpoint; null: the rule itself is the fault.</param>
/// <param name="Seconds">How long what does not end by itself lasts.</param>
/// <param name="Pick">Chooses among the workers or files there are, 0 to 1.</param>
internal sealed record Disturbance(int Node, int Life, string? Rule, double After, Deed? Deed, double Seconds, double Pick)
{
    public override string ToString()
    {
        string who = Node == 0 ? "coordinator" : string.Create(CultureInfo.InvariantCulture, $"worker {Node}");
        string when = Rule is null
            ? string.Create(CultureInfo.InvariantCulture, $"after {After:0.0} s")
            : $"{who}{(Life > 0 ? "'" : "")} {Rule}";
        return Deed is null ? when : string.Create(CultureInfo.InvariantCulture, $"{when}: {Deed}{(Lasts ? $" for {Seconds:0} s" : "")}");
    }

    private bool Lasts => Deed is Chaos.Deed.SuspendWorker or Chaos.Deed.SuspendCoordinator or Chaos.Deed.CutWorker or Chaos.Deed.CutCoordinator;
}

/// <summary>A job, a cluster, and what befalls them; everything follows from the seed.</summary>
internal sealed record Schedule(int Seed, ChaosJob Job, ChaosCluster Cluster, Disturbance[] Disturbances)
{
    public override string ToString() => $"{Job}; {Cluster}; {string.Join(", ", Disturbances.Select(disturbance => disturbance.ToString()))}";
}
