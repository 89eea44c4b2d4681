using System.Globalization;
using System.Net;
using ClusterLp.Cli.Hosting;
using ClusterLp.Core;
using ClusterLp.Core.Networking;
using ClusterLp.Core.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using Serilog;

namespace ClusterLp.Cli.Operations;

/// <summary>
/// What <c>--http</c> serves: <c>/healthz/live</c>, <c>/healthz/ready</c> and <c>/metrics</c> (Prometheus), and nothing
/// else. Plain HTTP on any address, because probes and scrapers have no certificate of the cluster: it takes no input, and
/// shows figures and the job's id, but no path and no name of a tensor.
/// </summary>
internal sealed class OperationsServer : IAsyncDisposable
{
    private const int MostConnections = 64;
    private const int MostHeaderBytes = 8 << 10;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5), StopWithin = TimeSpan.FromSeconds(1);

    private readonly WebApplication _application;
    private readonly MeterProvider _meters;

    private OperationsServer(WebApplication application, MeterProvider meters, Uri address) => (_application, _meters, Address) = (application, meters, address);

    /// <summary><c>http://HOST:PORT/</c>, with the port that was taken where 0 was asked for.</summary>
    public Uri Address { get; }

    /// <param name="address">Where to listen; null: nowhere.</param>
    /// <param name="health">What the probes answer.</param>
    /// <returns>Null where nothing was asked for.</returns>
    /// <exception cref="ClusterLpException">The address cannot be listened on (exit 73).</exception>
    public static Task<OperationsServer?> StartAsync(DnsEndPoint? address, Health health) =>
        address is null ? Task.FromResult<OperationsServer?>(null) : ListenAsync(address, health);

    private static async Task<OperationsServer?> ListenAsync(DnsEndPoint address, Health health)
    {
        MeterProvider meters = Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(TraceExport.Describe)
            .AddMeter(Instruments.MeterName, "System.Runtime")
            .AddPrometheusExporter()
            .Build();
        Instruments.AppearAtZero();
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        builder.Services.AddOptions();
        builder.WebHost.UseKestrelCore();
        WebApplication? application = null;
        try
        {
            IPAddress ip = ListenAddress.Of(address.Host);
            builder.WebHost.ConfigureKestrel(kestrel => Configure(kestrel, ip, address.Port));
            application = builder.Build();
            IApplicationBuilder pipeline = application;
            pipeline.Use((context, next) => OnlyReading(context, next));
            pipeline.UseOpenTelemetryPrometheusScrapingEndpoint(meters, predicate: null, path: "/metrics", configureBranchedPipeline: null, optionsName: null);
            pipeline.Run(context => AnswerAsync(context, health));
            await application.StartAsync();
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException or InvalidOperationException)
        {
            if (application is not null)
                await application.DisposeAsync();
            meters.Dispose();
            throw ClusterLpException.CannotWrite(
                string.Create(CultureInfo.InvariantCulture, $"cannot serve health and metrics on {address.Host}:{address.Port}: {e.GetBaseException().Message}"), e);
        }
        var bound = new Uri(application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        Uri served = new UriBuilder(Uri.UriSchemeHttp, address.Host, bound.Port).Uri;
        Log.Information("health and metrics at {Address}{Note}", served.AbsoluteUri.TrimEnd('/'),
            NodeConfig.IsLoopback(address.Host) ? "" : " (plain HTTP: whoever reaches it can read the job's id and figures, and nothing else)");
        return new OperationsServer(application, meters, served);
    }

    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(StopWithin);
        await _application.StopAsync(patience.Token);
        await _application.DisposeAsync();
        _meters.Dispose();
    }

    private static void Configure(KestrelServerOptions kestrel, IPAddress address, int port)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = 0;
        kestrel.Limits.MaxRequestHeadersTotalSize = MostHeaderBytes;
        kestrel.Limits.MaxRequestLineSize = MostHeaderBytes;
        kestrel.Limits.MaxConcurrentConnections = MostConnections;
        kestrel.Limits.RequestHeadersTimeout = Patience;
        kestrel.Listen(address, port, listen => listen.Protocols = HttpProtocols.Http1);
    }

    private static Task OnlyReading(HttpContext context, RequestDelegate next)
    {
        if (HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method))
            return next(context);
        context.Response.Headers.Allow = "GET, HEAD";
        return SayAsync(context, StatusCodes.Status405MethodNotAllowed, "read only");
    }

    private static Task AnswerAsync(HttpContext context, Health health) => context.Request.Path.Value switch
    {
        "/healthz/live" => health.IsAlive
            ? SayAsync(context, StatusCodes.Status200OK, "alive")
            : SayAsync(context, StatusCodes.Status503ServiceUnavailable, "the job's actor has not been heard of for a minute"),
        "/healthz/ready" => health.Obstacle is { } obstacle
            ? SayAsync(context, StatusCodes.Status503ServiceUnavailable, obstacle)
            : SayAsync(context, StatusCodes.Status200OK, "ready"),
        _ => SayAsync(context, StatusCodes.Status404NotFound, "served here: /healthz/live, /healthz/ready, /metrics"),
    };

    private static Task SayAsync(HttpContext context, int status, string line)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.WriteAsync(line + "\n");
    }
}
