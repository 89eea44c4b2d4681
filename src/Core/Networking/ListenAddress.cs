using System.Net;

namespace ClusterLp.Core.Networking;

/// <summary>What a host that is listened on means: to the system, and to those who dial it.</summary>
public static class ListenAddress
{
    /// <summary>The IP address to bind: the one written, or the first of a name.</summary>
    /// <exception cref="System.Net.Sockets.SocketException">The name is unknown.</exception>
    public static IPAddress Of(string host) => IPAddress.TryParse(host, out IPAddress? literal) ? literal : Dns.GetHostAddresses(host)[0];

    /// <summary>The host itself, or the machine's name where it is an any-address (0.0.0.0, ::).</summary>
    public static string PublicName(string host) =>
        IPAddress.TryParse(host, out IPAddress? address) && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)) ? Dns.GetHostName() : host;
}
