using System.Diagnostics;

namespace ClusterLp.Cli.Operations;

/// <summary>Whether this process can do its part, and whether what should move in it moves. Thread-safe.</summary>
internal sealed class Health
{
    /// <summary>The actor that drives the work says so every second: this long without it, and only a restart helps.</summary>
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(60);

    private volatile string? _obstacle = "starting";
    private long _heard;

    /// <summary>Why it is not ready; null: it is.</summary>
    public string? Obstacle => _obstacle;

    /// <summary>Whether the actor that drives the work has been heard of lately, or none should be.</summary>
    public bool IsAlive => Volatile.Read(ref _heard) is var heard && (heard == 0 || Stopwatch.GetElapsedTime(heard) < LongestSilence);

    public void Ready() => _obstacle = null;

    /// <param name="obstacle">What it waits for or does instead, in a few words.</param>
    public void NotReady(string obstacle)
    {
        Volatile.Write(ref _heard, 0);
        _obstacle = obstacle;
    }

    /// <summary>The actor got to work.</summary>
    public void Beat()
    {
        if (_obstacle is null)
            Volatile.Write(ref _heard, Stopwatch.GetTimestamp());
    }
}
