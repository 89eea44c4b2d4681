using System.CommandLine;
using System.Net;

namespace ClusterLp.Cli.Commands;

/// <summary><c>--http</c>, of every command that runs for long.</summary>
internal static class HttpOption
{
    public static Option<DnsEndPoint?> Create() => OptionParsers.EndPoint(
        "--http", "Serve /healthz/live, /healthz/ready and /metrics (Prometheus) here, over plain HTTP (port 0 takes a free one; default: nowhere).", portZero: true);
}
