using System.Globalization;
using Serilog;
using Spectre.Console;

namespace ClusterLp.Cli.Rendering;

/// <summary>One line of progress.</summary>
/// <param name="Label">What is at work, such as a tensor's name.</param>
/// <param name="Share">0 to 1.</param>
/// <param name="Detail">Stage, rate, remaining time.</param>
internal sealed record ProgressRow(string Label, double Share, string Detail);

/// <summary>
/// Shows progress on standard error until disposed: bars that move on a terminal, elsewhere a plain line at most once a
/// second, and only when it changed; an event every ten seconds where logs are JSON.
/// </summary>
internal sealed class ProgressDisplay : IAsyncDisposable
{
    private const int MostRows = 6;
    private static readonly TimeSpan FrameInterval = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LogInterval = TimeSpan.FromSeconds(10);

    private readonly Terminal _terminal;
    private readonly Func<IReadOnlyList<ProgressRow>> _rows;
    private readonly PeriodicTimer? _timer;
    private readonly Task _loop = Task.CompletedTask;

    /// <param name="terminal">Its standard error is written to.</param>
    /// <param name="quiet">Show nothing.</param>
    /// <param name="rows">The rows of this moment; called from a pool thread.</param>
    public ProgressDisplay(Terminal terminal, bool quiet, Func<IReadOnlyList<ProgressRow>> rows)
    {
        (_terminal, _rows) = (terminal, rows);
        if (quiet)
            return;
        (TimeSpan every, Func<Task> show) = terminal.LogsJson ? (LogInterval, (Func<Task>)LogAsync)
            : terminal.ErrorIsTerminal && terminal.Error.Profile.Capabilities.Ansi ? (FrameInterval, ShowBarsAsync) : (LineInterval, WriteLinesAsync);
        _timer = new PeriodicTimer(every);
        _loop = Task.Run(show);
    }

    public async ValueTask DisposeAsync()
    {
        // By cancellation it would end with an exception, whose stack trace is looked up in the symbols' files: 30 ms.
        _timer?.Dispose();
        await _loop;
    }

    private Task ShowBarsAsync() => _terminal.Error.Live(new Text("")).AutoClear(true).StartAsync(async context =>
    {
        await foreach (IReadOnlyList<ProgressRow> rows in EveryAsync())
        {
            Profile profile = _terminal.Error.Profile;
            context.UpdateTarget(new Rows(rows.TakeLast(MostRows).Select(row => new Text(Bar(row, profile.Width - 1, profile.Capabilities.Unicode)))));
            context.Refresh();
        }
    });

    private async Task WriteLinesAsync()
    {
        string last = "";
        await foreach (IReadOnlyList<ProgressRow> rows in EveryAsync())
        {
            string line = string.Join("; ", rows.TakeLast(2).Select(row => $"{row.Label}: {Share(row)}, {row.Detail}"));
            if (line != last && line.Length > 0)
                _terminal.RawError.WriteLine("clusterlp: " + line);
            last = line;
        }
    }

    private async Task LogAsync()
    {
        await foreach (IReadOnlyList<ProgressRow> rows in EveryAsync())
            foreach (ProgressRow row in rows.TakeLast(MostRows))
                Log.Information("{label:l}: {share:P0}, {detail:l}", row.Label, row.Share, row.Detail);
    }

    private async IAsyncEnumerable<IReadOnlyList<ProgressRow>> EveryAsync()
    {
        while (await _timer!.WaitForNextTickAsync())
            yield return _rows();
    }

    /// <summary>A row of exactly <paramref name="width"/> columns: label, bar, percentage, detail.</summary>
    public static string Bar(ProgressRow row, int width, bool unicode)
    {
        int label = Math.Clamp(width / 4, 8, 32), bar = Math.Clamp(width / 6, 6, 24);
        int filled = (int)Math.Round(bar * Math.Clamp(row.Share, 0, 1));
        string name = Shorten(row.Label, label).PadRight(label);
        string drawn = new string(unicode ? '━' : '#', filled) + new string(unicode ? '─' : '-', bar - filled);
        int left = width - label - bar - 9;
        string detail = row.Detail.Length <= left ? row.Detail : row.Detail[..Math.Max(0, left)];
        return $"{name} {drawn} {Share(row),5}  {detail}".TrimEnd();
    }

    /// <summary>Cuts the middle out of a long name: its ends tell more.</summary>
    public static string Shorten(string name, int width)
    {
        if (name.Length <= width)
            return name;
        int tail = (width - 2) * 2 / 3;
        return string.Concat(name.AsSpan(0, width - 2 - tail), "..", name.AsSpan(name.Length - tail));
    }

    private static string Share(ProgressRow row) => (100 * Math.Clamp(row.Share, 0, 1)).ToString("F0", CultureInfo.InvariantCulture) + " %";
}
