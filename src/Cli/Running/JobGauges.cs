using System.Diagnostics.Metrics;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Telemetry;

namespace ClusterLp.Cli.Running;

/// <summary>How far a job is, as gauges until disposed; a figure that is not known is not shown.</summary>
internal sealed class JobGauges : IDisposable
{
    private readonly Meter _meter = new(Instruments.MeterName);

    /// <param name="elapsed">Since the run began.</param>
    /// <param name="pace">How fast it moves; null: not known yet.</param>
    /// <param name="phase">What the job is doing.</param>
    public JobGauges(Func<TimeSpan> elapsed, Func<JobPace?> pace, Func<JobPhase> phase)
    {
        _meter.CreateObservableGauge("clusterlp.job.elapsed", () => elapsed().TotalSeconds, "s", "Since this run of the job began.");
        _meter.CreateObservableGauge("clusterlp.job.progress.ratio", () => IfKnown(pace()?.Share), unit: null, "Share of the fit's work that is done, estimated, 0 to 1.");
        _meter.CreateObservableGauge("clusterlp.job.remaining", () => IfKnown(pace()?.RemainingSeconds), "s", "Estimated time to the end of the fit.");
        _meter.CreateObservableGauge("clusterlp.job.phase", () => Enum.GetValues<JobPhase>().Select(each =>
            new Measurement<int>(each == phase() ? 1 : 0, new KeyValuePair<string, object?>("phase", each.ToString().ToLowerInvariant()))),
            description: "1 for the phase the job is in, 0 for the others.");
    }

    public void Dispose() => _meter.Dispose();

    private static IEnumerable<Measurement<double>> IfKnown(double? value) => value is { } known ? [new Measurement<double>(known)] : [];
}
