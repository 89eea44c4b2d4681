using System.Net;
using System.Security.Cryptography.X509Certificates;
using Akka.Configuration;
using Akka.Remote.Transport.DotNetty;
using ClusterLp.Core.Networking;

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
    public static DotNettySslSetup Setup(NodeTls tls)
    {
        // Before a certificate gets to us the runtime builds a chain of its own, and would fetch what is missing from wherever
        // a stranger's certificate says. The transport leaves no way to tell it not to; that fetching goes by this proxy.
        if (HttpClient.DefaultProxy is not OnlyOurs)
            HttpClient.DefaultProxy = new OnlyOurs(HttpClient.DefaultProxy);
        return new DotNettySslSetup(
            tls.Certificate, suppressValidation: false, requireMutualAuthentication: true, validateCertificateHostname: true,
            (peer, chain, remote, _, _) => Accept(tls, peer, chain, remote));
    }

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

    /// <summary>The system's proxy for this process' own requests; all others fail before they reach any network.</summary>
    private sealed class OnlyOurs(IWebProxy system) : IWebProxy
    {
        private static readonly Uri Nowhere = new("none://nowhere");

        public ICredentials? Credentials { get; set; }

        public Uri? GetProxy(Uri destination) => NamedAddresses.Allow(destination) ? system.GetProxy(destination) : Nowhere;

        public bool IsBypassed(Uri host) => NamedAddresses.Allow(host) && system.IsBypassed(host);
    }
}
