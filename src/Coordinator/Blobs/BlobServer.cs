using System.Globalization;
using System.Net;
using System.Net.Security;
using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Networking;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace ClusterLp.Coordinator.Blobs;

/// <param name="Host">Address to listen on; an any-address is announced by the machine's name.</param>
/// <param name="Port">0: a free one.</param>
/// <param name="Tls">Certificate and trust, asked for at every handshake; null: http.</param>
/// <param name="Insecure">Allow an address other than loopback without TLS.</param>
public sealed record BlobServerOptions(string Host, int Port, Func<SslServerAuthenticationOptions>? Tls, bool Insecure)
{
    /// <summary>The name workers are told; null: <see cref="Host"/>, or the machine's name where that is an any-address.</summary>
    public string? PublicName { get; init; }
}

/// <summary>
/// The coordinator's blob endpoint: a job's blobs over HTTP or HTTPS, for workers that do not see the job directory.
/// <see cref="BlobRequests"/> says what is served.
/// </summary>
public sealed class BlobServer : IAsyncDisposable
{
    private static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(2);

    private readonly WebApplication _application;
    private readonly UploadFolder _uploads;

    private BlobServer(WebApplication application, UploadFolder uploads, string endpoint) =>
        (_application, _uploads, Endpoint) = (application, uploads, endpoint);

    /// <summary>What workers are told: <c>http://HOST:PORT/JOB/</c>, or https.</summary>
    public string Endpoint { get; }

    /// <param name="store">The job's folder.</param>
    /// <param name="job">Part of the endpoint, so that a worker of another job is not served.</param>
    /// <param name="epoch">Blobs of blocks are taken in this term only.</param>
    /// <exception cref="ClusterLpException">The address cannot be listened on (exit 73) or is not allowed (77).</exception>
    public static async Task<BlobServer> StartAsync(BlobServerOptions options, FileBlobStore store, JobId job, Epoch epoch)
    {
        if (options.Tls is null && !options.Insecure && !await IsLoopbackAsync(options.Host))
            throw new ClusterLpException(ExitCode.Refused,
                $"{options.Host} can be reached from other machines, and anyone there could read and write blobs: use TLS, a loopback address, or --insecure on a network you trust.");
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => Configure(kestrel, options));
        WebApplication application = builder.Build();
        var uploads = new UploadFolder(store.IsDurable);
        IApplicationBuilder pipeline = application;
        var requests = new BlobRequests(store, uploads, job, epoch);
        pipeline.Run(requests.HandleAsync);
        try
        {
            await application.StartAsync();
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException or InvalidOperationException)
        {
            await application.DisposeAsync();
            throw ClusterLpException.CannotWrite(
                string.Create(CultureInfo.InvariantCulture, $"cannot serve blobs on {options.Host}:{options.Port}: {e.GetBaseException().Message}"), e);
        }
        int port = new Uri(application.Urls.First().Replace("[::]", "localhost", StringComparison.Ordinal).Replace("0.0.0.0", "localhost", StringComparison.Ordinal)).Port;
        var address = new UriBuilder(options.Tls is null ? Uri.UriSchemeHttp : Uri.UriSchemeHttps, options.PublicName ?? ListenAddress.PublicName(options.Host), port, job.Value + "/");
        return new BlobServer(application, uploads, address.Uri.AbsoluteUri);
    }

    /// <summary>Ends open transfers and removes what is not complete.</summary>
    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(StopWithin);
        await _application.StopAsync(patience.Token);
        await _application.DisposeAsync();
        _uploads.Dispose();
    }

    private static void Configure(KestrelServerOptions kestrel, BlobServerOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = BlobRequests.MostPartBytes;
        // Shorter than a worker keeps trying: a connection that hangs must not hold its upload longer.
        kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(3));
        // What a broken connection leaves in this buffer is sent again.
        kestrel.Limits.MaxRequestBufferSize = 256 << 10;
        kestrel.Limits.MaxRequestHeadersTotalSize = 16 << 10;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
        void Protect(ListenOptions listen)
        {
            listen.Protocols = HttpProtocols.Http1;
            if (options.Tls is { } tls)
                listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(tls()) });
        }

        kestrel.Listen(ListenAddress.Of(options.Host), options.Port, Protect);
    }

    private static async Task<bool> IsLoopbackAsync(string host) => IPAddress.TryParse(host, out IPAddress? address)
        ? IPAddress.IsLoopback(address)
        : host == "localhost" && (await Dns.GetHostAddressesAsync(host)).All(IPAddress.IsLoopback);
}
