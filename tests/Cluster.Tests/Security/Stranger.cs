using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace ClusterLp.Cluster.Tests.Security;

/// <summary>Someone at a loopback address of their own who connects to a node with whatever they have.</summary>
internal static class Stranger
{
    /// <summary>Larger than any frame, as the transport's length prefix says it.</summary>
    public static byte[] OversizedFrame
    {
        get
        {
            var frame = new byte[1 << 16];
            BinaryPrimitives.WriteInt32LittleEndian(frame, 64 << 20);
            return frame;
        }
    }

    /// <summary>A frame of the right form that holds no message.</summary>
    public static byte[] EmptyTalk => [5, 0, 0, 0, .. "hello"u8];

    public static byte[] Http => [.. "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"u8, .. new byte[64]];

    /// <summary>Sends bytes over plain TCP and waits until the node has hung up.</summary>
    public static async Task SendAsync(string from, string node, byte[] bytes)
    {
        using TcpClient client = await ConnectAsync(from, node);
        await client.GetStream().WriteAsync(bytes);
        await UntilClosedAsync(client.GetStream());
    }

    /// <summary>Sends bytes over TLS, trusting anyone, and waits until the node has hung up.</summary>
    public static async Task SendAsync(string from, string node, X509Certificate2? certificate, byte[] bytes)
    {
        using TcpClient client = await ConnectAsync(from, node);
        await using var stream = new SslStream(client.GetStream());
        try
        {
            await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "127.0.0.1",
                ClientCertificateContext = certificate is null ? null : SslStreamCertificateContext.Create(certificate, null, offline: true),
                RemoteCertificateValidationCallback = (_, _, _, _) => true,
            });
            await stream.WriteAsync(bytes);
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            // Hung up in the handshake.
            return;
        }
        await UntilClosedAsync(stream);
    }

    private static async Task<TcpClient> ConnectAsync(string from, string node)
    {
        var client = new TcpClient(new IPEndPoint(IPAddress.Parse(from), 0));
        await client.ConnectAsync(IPEndPoint.Parse(node));
        return client;
    }

    private static async Task UntilClosedAsync(Stream stream)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        try
        {
            while (await stream.ReadAsync(new byte[4096], patience.Token) > 0)
            {
            }
        }
        catch (IOException)
        {
            // Hung up rudely.
        }
    }
}
