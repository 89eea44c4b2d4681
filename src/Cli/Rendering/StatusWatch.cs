using ClusterLp.Core;
using ClusterLp.Core.Reporting;
using Spectre.Console;

namespace ClusterLp.Cli.Rendering;

/// <summary>
/// Shows a job's snapshots until it is over: a table that stays in place on a terminal, elsewhere a line each time
/// something has changed.
/// </summary>
/// <param name="ask">Takes a snapshot, and says whether the process that made it is alive.</param>
/// <param name="every">How often.</param>
internal sealed class StatusWatch(Func<Task<(JobStatus Status, bool? Alive)>> ask, TimeSpan every)
{
    private string? _gone;

    /// <param name="terminal">Its standard output is written to.</param>
    /// <param name="write">Writes a snapshot as a line.</param>
    /// <param name="lines">Lines, even on a terminal.</param>
    /// <param name="cancellation">Stops watching.</param>
    /// <exception cref="ClusterLpException">The first snapshot cannot be taken.</exception>
    public async Task RunAsync(Terminal terminal, Action<JobStatus, bool?> write, bool lines, CancellationToken cancellation)
    {
        await (!lines && terminal.Out.Profile.Out.IsTerminal && terminal.Out.Profile.Capabilities.Ansi
            ? terminal.Out.Live(new Text("")).StartAsync(context => FollowAsync((status, alive) =>
            {
                context.UpdateTarget(StatusView.Of(status, alive, DateTime.UtcNow));
                context.Refresh();
            }, cancellation))
            : FollowAsync(write, cancellation));
        if (_gone is not null)
            terminal.Note(_gone);
    }

    private async Task FollowAsync(Action<JobStatus, bool?> show, CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(every);
        JobStatus? last = null;
        do
        {
            (JobStatus status, bool? alive) now;
            try
            {
                now = await ask();
            }
            catch (ClusterLpException e) when (last is not null)
            {
                // As a rule the job is done: a coordinator that writes its output answers no more, a hidden job directory is removed.
                _gone = e.Message;
                return;
            }
            show(now.status, now.alive);
            last = now.status;
            if (last.Phase is not (JobPhase.Fitting or JobPhase.Assembling) || now.alive == false)
                return;
        }
        while (await timer.WaitForNextTickAsync(cancellation));
    }
}
