using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using ClusterLp.Cli.Hosting;
using ClusterLp.Core;

namespace ClusterLp.Cli.Diagnostics;

/// <summary>Makes an authority and a certificate, and connects to itself with them: what a cluster does between machines.</summary>
internal static class TlsCheck
{
    private const string Host = "localhost";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static async Task<Finding> RunAsync(CancellationToken cancellation)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("clusterlp-doctor-");
        try
        {
            using CertificateAuthority authority = CertificateAuthority.OpenOrCreate(folder.FullName);
            CertificateAuthority.Files node = authority.Issue([Host], days: 1, force: false);
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            patience.CancelAfter(Patience);
            SslProtocols protocol = await ConnectAsync(NodeTls.Load(node.Certificate, node.Key, authority.Own.Certificate), patience.Token);
            return new Finding("mutual TLS", Verdict.Ok, protocol == SslProtocols.Tls13 ? "TLS 1.3" : "TLS 1.2");
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested
            && e is ClusterLpException or AuthenticationException or SocketException or IOException or OperationCanceledException or PlatformNotSupportedException)
        {
            return new Finding("mutual TLS", Verdict.Slow, $"does not work here: {e.GetBaseException().Message}", "one machine works without; several need it, or --insecure");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<SslProtocols> ConnectAsync(NodeTls tls, CancellationToken cancellation)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var dialling = new TcpClient();
        Task<TcpClient> accepting = listener.AcceptTcpClientAsync(cancellation).AsTask();
        await dialling.ConnectAsync((IPEndPoint)listener.LocalEndpoint, cancellation);
        using TcpClient accepted = await accepting;
        await using var server = new SslStream(accepted.GetStream());
        await using var client = new SslStream(dialling.GetStream());
        await Task.WhenAll(
            server.AuthenticateAsServerAsync(tls.ServerOptions(), cancellation),
            client.AuthenticateAsClientAsync(tls.ClientOptions(Host), cancellation));
        return server.SslProtocol;
    }
}
