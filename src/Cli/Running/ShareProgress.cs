using System.Diagnostics;
using ClusterLp.Cli.Rendering;

namespace ClusterLp.Cli.Running;

/// <summary>Progress of a pass that is a single share, 0 to 1; shown only where the pass takes longer than a moment.</summary>
internal sealed class ShareProgress : IProgress<double>, IAsyncDisposable
{
    private const double Moment = 0.5;

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly ProgressDisplay _display;
    private readonly string _label;
    private double _share;

    public ShareProgress(Terminal terminal, bool quiet, string label)
    {
        _label = label;
        _display = new ProgressDisplay(terminal, quiet, Rows);
    }

    public void Report(double value) => Volatile.Write(ref _share, Math.Max(value, Volatile.Read(ref _share)));

    public ValueTask DisposeAsync() => _display.DisposeAsync();

    private IReadOnlyList<ProgressRow> Rows()
    {
        double share = Volatile.Read(ref _share), seconds = _clock.Elapsed.TotalSeconds;
        if (seconds < Moment || share <= 0)
            return [];
        return [new ProgressRow(_label, share, $"about {Figures.Duration(TimeSpan.FromSeconds(seconds * (1 - share) / share))} left")];
    }
}
