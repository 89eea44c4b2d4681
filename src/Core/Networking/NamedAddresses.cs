using System.Collections.Concurrent;

namespace ClusterLp.Core.Networking;

/// <summary>
/// Addresses over plain HTTP that whoever started this process named: of a collector, of a store. Under TLS the process'
/// default proxy closes all others, for the runtime would fetch what a stranger's certificate names. Thread-safe.
/// </summary>
public static class NamedAddresses
{
    private static readonly ConcurrentDictionary<string, bool> Authorities = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Requests to this host and port are this process' own.</summary>
    public static void Add(Uri address) => Authorities[address.Authority] = true;

    /// <summary>Whether a request may go out: it is encrypted, as no fetching for a certificate is, or to a named address.</summary>
    public static bool Allow(Uri address) => address.Scheme == Uri.UriSchemeHttps || Authorities.ContainsKey(address.Authority);
}
