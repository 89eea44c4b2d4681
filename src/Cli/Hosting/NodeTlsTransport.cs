using System.Security.Cryptography.X509Certificates;
using Akka.Configuration;
using Akka.Remote.Transport.DotNetty;

namespace ClusterLp.Cli.Hosting;

/// <summary>Puts <see cref="NodeTls"/> under Akka's remoting: who may connect to this node, and whom it may connect to.</summary>
internal static class NodeTlsTransport
{
    /// <summary>The transport's scheme in addresses, with TLS and without.</summary>
    public static string Scheme(NodeTls? tls) => tls is null ? "akka.tcp" : "akka.ssl.tcp";

    public static Config Config { get; } = ConfigurationFactory.ParseString("akka.remote.dot-netty.tcp.enable-ssl = on");

    /// <summary>
    /// Every handshake is judged by <see cref="NodeTls"/> alone: the transport's own validation asks the system's trust store,
    /// and does not know the client's usage.
    /// </summary>
    public static DotNettySslSetup Setup(NodeTls tls) => new(
        tls.Certificate, suppressValidation: false, requireMutualAuthentication: true, validateCertificateHostname: true,
        (peer, chain, remote, _, _) => Accept(tls, peer, chain, remote));

    /// <param name="remote">Of a node that was dialled: "ssl.tcp://SYSTEM@HOST:PORT"; of one that dialled us: its socket's address.</param>
    private static bool Accept(NodeTls tls, X509Certificate2? peer, X509Chain? chain, string remote)
    {
        bool dialled = remote.Contains("://", StringComparison.Ordinal);
        string address = dialled ? remote[(remote.LastIndexOf('@') + 1)..] : remote;
        string? objection = dialled
            ? tls.ObjectionToServer(peer, chain, address[..address.LastIndexOf(':')].Trim('[', ']'))
            : tls.ObjectionToClient(peer, chain);
        if (objection is null)
            return true;
        Refusals.Report(address, $"its certificate {objection}");
        return false;
    }
}
