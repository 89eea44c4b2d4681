using ClusterLp.Cli.Rendering;
using ClusterLp.Core.Jobs;
using ClusterLp.Core;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Storage;
using Serilog;

namespace ClusterLp.Cli.Running;

/// <summary>
/// Follows a running job: keeps its latest snapshot, shows it on standard error, and writes it to progress.json about once
/// a second. Thread-safe.
/// </summary>
internal sealed class JobMonitor : IProgress<JobProgress>, IPaced, IAsyncDisposable
{
    private static readonly TimeSpan StatusInterval = TimeSpan.FromSeconds(1);

    /// <summary>Each is a request that costs.</summary>
    private static readonly TimeSpan ObjectStatusInterval = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Lock _writing = new();
    private readonly JobPlan _plan;
    private readonly string _jobDirectory;
    private readonly string _output;
    private readonly JobProcess _process = JobProcess.Current();
    private readonly StageClock _stages;
    private readonly ProgressDisplay _display;
    private readonly PeriodicTimer _statusTimer;
    private readonly Task _writer;
    private readonly JobGauges _gauges;
    private JobProgress? _latest;
    private JobPhase _phase = JobPhase.Fitting;
    private double _assembled;
    private string? _error;

    public JobMonitor(Terminal terminal, bool quiet, JobPlan plan, string jobDirectory, string output)
    {
        (_plan, _jobDirectory, _output) = (plan, jobDirectory, output);
        _stages = new StageClock(plan, TimeProvider.System);
        _statusTimer = new PeriodicTimer(ObjectStores.IsAddress(jobDirectory) ? ObjectStatusInterval : StatusInterval);
        WriteStatus();
        _writer = WriteRegularlyAsync();
        _display = new ProgressDisplay(terminal, quiet, Rows);
        _gauges = new JobGauges(() => _stages.Elapsed, () => Pace, () => _phase);
    }

    public void Report(JobProgress value)
    {
        lock (_lock)
        {
            _latest = value;
            _stages.Observe(value);
        }
    }

    /// <summary>Enters the phase of writing the output; the result takes the share written.</summary>
    public IProgress<double> Assembling()
    {
        lock (_lock)
            _phase = JobPhase.Assembling;
        return new AssemblyShare(this);
    }

    /// <summary>Records how the job ended.</summary>
    public void Ended(JobPhase phase, string? error)
    {
        lock (_lock)
            (_phase, _error) = (phase, error);
        WriteStatus();
    }

    public async ValueTask DisposeAsync()
    {
        _gauges.Dispose();
        _statusTimer.Dispose();
        await _writer;
        await _display.DisposeAsync();
    }

    public JobPace? Pace
    {
        get
        {
            lock (_lock)
                return _phase is JobPhase.Assembling or JobPhase.Done ? new JobPace(1, null, null) : _latest is null ? null : _stages.Pace(_latest);
        }
    }

    private IReadOnlyList<ProgressRow> Rows()
    {
        lock (_lock)
            return _phase == JobPhase.Fitting
                ? _latest is null ? [] : _stages.Rows(_latest)
                : [new ProgressRow("output", _assembled, "writing")];
    }

    private async Task WriteRegularlyAsync()
    {
        while (await _statusTimer.WaitForNextTickAsync())
            WriteStatus();
    }

    // Writing may take a while, in which progress goes on; the later state is always the later written.
    private void WriteStatus()
    {
        lock (_writing)
        {
            try
            {
                JobStatusFile.Write(_jobDirectory, Status());
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ClusterLpException)
            {
                // Only `status` misses it; the job itself meets a full disk on its own terms.
                Log.Debug(e, "The job's progress cannot be written");
            }
        }
    }

    private JobStatus Status()
    {
        JobPace? pace = Pace;
        lock (_lock)
            return new JobStatus
            {
                JobId = _plan.Id.Value,
                Phase = _phase,
                Input = _plan.Tensors[0].Input,
                Output = _output,
                Process = _process,
                Updated = DateTime.UtcNow,
                ElapsedSeconds = _stages.Elapsed.TotalSeconds,
                RemainingSeconds = _phase == JobPhase.Fitting ? pace?.RemainingSeconds : null,
                RowsPerSecond = _phase == JobPhase.Fitting ? pace?.RowsPerSecond : null,
                Share = pace?.Share,
                Progress = _latest,
                Error = _error,
            };
    }

    private sealed class AssemblyShare(JobMonitor monitor) : IProgress<double>
    {
        public void Report(double value)
        {
            lock (monitor._lock)
                monitor._assembled = value;
        }
    }
}
