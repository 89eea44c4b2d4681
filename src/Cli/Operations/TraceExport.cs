using System.Diagnostics.Tracing;
using ClusterLp.Core.Networking;
using ClusterLp.Core.Telemetry;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Serilog;

namespace ClusterLp.Cli.Operations;

/// <summary>Sends spans to a collector in batches, in the background; a collector that is away costs spans, never the job.</summary>
internal sealed class TraceExport : IDisposable
{
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(3);

    private readonly TracerProvider _provider;
    private readonly Failures _failures;

    private TraceExport(TracerProvider provider, Failures failures) => (_provider, _failures) = (provider, failures);

    public static TraceExport Start(OtlpSettings settings)
    {
        NamedAddresses.Add(settings.Target);
        Log.Information("sending traces to {Endpoint}", settings.Target.GetLeftPart(UriPartial.Path));
        var failures = new Failures(settings.Target.GetLeftPart(UriPartial.Path));
        TracerProvider provider = Sdk.CreateTracerProviderBuilder().ConfigureResource(Describe).AddSource(Tracing.SourceName).AddOtlpExporter(options =>
        {
            options.Protocol = settings.IsGrpc ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
            options.Endpoint = settings.Target;
        }).Build();
        return new TraceExport(provider, failures);
    }

    /// <summary>Who measures and traces: this program, under the name the environment gives it or its own.</summary>
    public static void Describe(ResourceBuilder resource) =>
        resource.AddService(Environment.GetEnvironmentVariable("OTEL_SERVICE_NAME") is { Length: > 0 } name ? name : "clusterlp", serviceVersion: Application.Version);

    public void Dispose()
    {
        _provider.Shutdown((int)LastWords.TotalMilliseconds);
        _provider.Dispose();
        _failures.Dispose();
    }

    /// <summary>The library keeps its failures to itself; the first one is worth a line.</summary>
    private sealed class Failures(string endpoint) : EventListener
    {
        private int _said;

        protected override void OnEventSourceCreated(EventSource source)
        {
            if (source.Name.StartsWith("OpenTelemetry-Exporter-OpenTelemetryProtocol", StringComparison.Ordinal))
                EnableEvents(source, EventLevel.Warning);
        }

        protected override void OnEventWritten(EventWrittenEventArgs written)
        {
            if (Interlocked.Exchange(ref _said, 1) == 0)
                Log.Warning("traces do not arrive at {Endpoint}; the job goes on without ({Reason})", endpoint, Reason(written));
        }

        private static string Reason(EventWrittenEventArgs written) =>
            string.Join("; ", written.Payload?.Select(part => part?.ToString()?.Split('\n')[0].Trim()).Where(part => !string.IsNullOrEmpty(part)) ?? []);
    }
}
