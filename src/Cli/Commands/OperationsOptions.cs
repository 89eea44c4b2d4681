using System.CommandLine;
using System.Net;
using ClusterLp.Cli.Operations;

namespace ClusterLp.Cli.Commands;

/// <summary>What commands that run for long show of themselves to whoever operates them.</summary>
internal sealed class OperationsOptions
{
    private readonly Option<DnsEndPoint?> _http = OptionParsers.EndPoint(
        "--http", "Serve /healthz/live, /healthz/ready and /metrics (Prometheus) here, over plain HTTP (port 0 takes a free one; default: nowhere).", portZero: true);
    private readonly Option<Uri?> _otlp = OptionParsers.WebAddress(
        "--otlp", $"Send traces to this OpenTelemetry collector; else ${OtlpSettings.EndpointVariable} (default: nowhere).");

    public void AddTo(Command command)
    {
        command.Options.Add(_http);
        command.Options.Add(_otlp);
    }

    /// <summary>Begins to serve and to trace what the command line or the environment asks for; disposed, it sends what is left.</summary>
    /// <exception cref="Core.ClusterLpException">The address cannot be listened on (exit 73).</exception>
    public async Task<IAsyncDisposable> StartAsync(ParseResult parse, Health health)
    {
        OperationsServer? server = await OperationsServer.StartAsync(parse.GetValue(_http), health);
        OtlpSettings? otlp = OtlpSettings.Of(parse.GetValue(_otlp));
        return new Running(server, otlp is null ? null : TraceExport.Start(otlp));
    }

    private sealed class Running(OperationsServer? server, TraceExport? traces) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            traces?.Dispose();
            if (server is not null)
                await server.DisposeAsync();
        }
    }
}
