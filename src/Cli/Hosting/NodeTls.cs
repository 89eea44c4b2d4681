using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ClusterLp.Core;

namespace ClusterLp.Cli.Hosting;

/// <summary>
/// Who this node is, and whom it trusts: its certificate and key, and one private certification authority. Both ends of a
/// connection show a certificate; nothing of the system's trust store counts. TLS 1.2 and above. Thread-safe.
/// </summary>
public sealed class NodeTls
{
    private const SslProtocols Protocols = SslProtocols.Tls12 | SslProtocols.Tls13;
    private static readonly Oid ServerUsage = new("1.3.6.1.5.5.7.3.1"), ClientUsage = new("1.3.6.1.5.5.7.3.2");

    private readonly X509Certificate2Collection _authorities;
    private readonly SslStreamCertificateContext _context;

    private NodeTls(X509Certificate2 certificate, X509Certificate2Collection intermediates, X509Certificate2Collection authorities)
    {
        (Certificate, _authorities) = (certificate, authorities);
        _context = SslStreamCertificateContext.Create(certificate, intermediates, offline: true);
    }

    /// <summary>This node's certificate, with its private key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <param name="certificate">PEM file: this node's certificate, then any intermediates.</param>
    /// <param name="key">PEM file: its private key, not encrypted.</param>
    /// <param name="authority">PEM file: the authority that every node's certificate must come from.</param>
    /// <exception cref="ClusterLpException">
    /// A file is missing (exit 66), is not PEM of that kind, the key is another's, or the certificate is expired or not
    /// that authority's (65).
    /// </exception>
    public static NodeTls Load(string certificate, string key, string authority)
    {
        string certificatePem = Read(certificate), keyPem = Read(key), authorityPem = Read(authority);
        X509Certificate2 own = Parse(certificate, "a PEM certificate", () => X509Certificate2.CreateFromPem(certificatePem));
        X509Certificate2 withKey = Parse(key, $"the PEM private key (not encrypted) of {certificate}", () => X509Certificate2.CreateFromPem(certificatePem, keyPem));
        X509Certificate2Collection chain = Certificates(certificate, certificatePem), authorities = Certificates(authority, authorityPem);
        own.Dispose();
        chain.RemoveAt(0);
        var tls = new NodeTls(withKey, chain, authorities);
        foreach (Oid usage in (Oid[])[ServerUsage, ClientUsage])
            if (tls.Objection(withKey, chain, usage) is { } objection)
                throw ClusterLpException.BadInput($"{certificate}: no other node would accept this certificate: it {objection} (checked against {authority}); make a new one with clusterlp certs.");
        return tls;
    }

    /// <summary>For the end that listens: the other end must show a certificate of our authority.</summary>
    public SslServerAuthenticationOptions ServerOptions() => new()
    {
        ServerCertificateContext = _context,
        ClientCertificateRequired = true,
        EnabledSslProtocols = Protocols,
        CertificateChainPolicy = Policy(ClientUsage),
        RemoteCertificateValidationCallback = (_, peer, chain, _) => ObjectionToClient(AsCertificate2(peer), chain) is null,
    };

    /// <summary>For the end that dials <paramref name="host"/> (a name or an IP address): the other end's certificate must name it.</summary>
    public SslClientAuthenticationOptions ClientOptions(string host) => new()
    {
        TargetHost = host,
        ClientCertificateContext = _context,
        EnabledSslProtocols = Protocols,
        CertificateChainPolicy = Policy(ServerUsage),
        RemoteCertificateValidationCallback = (_, peer, chain, _) => ObjectionToServer(AsCertificate2(peer), chain, host) is null,
    };

    /// <summary>What is wrong with the certificate of a peer that dialled us, after "its certificate"; null: nothing.</summary>
    internal string? ObjectionToClient(X509Certificate2? peer, X509Chain? presented) =>
        peer is null ? "is missing" : Objection(peer, presented?.ChainPolicy.ExtraStore, ClientUsage);

    /// <summary>What is wrong with the certificate of the peer we dialled as <paramref name="host"/>; null: nothing.</summary>
    internal string? ObjectionToServer(X509Certificate2? peer, X509Chain? presented, string host) =>
        peer is null ? "is missing" : Objection(peer, presented?.ChainPolicy.ExtraStore, ServerUsage)
            ?? (Names(peer, host) ? null : $"does not name {host}");

    /// <summary>Whether a peer that dials <paramref name="host"/> will find that name in this node's certificate.</summary>
    internal bool IsNamed(string host) => Names(Certificate, host);

    private static bool Names(X509Certificate2 certificate, string host) =>
        certificate.MatchesHostname(host, allowWildcards: true, allowCommonName: false);

    // Nothing is fetched: neither what a certificate says is missing, nor lists of revoked ones.
    private X509ChainPolicy Policy(Oid usage)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(_authorities);
        policy.ApplicationPolicy.Add(usage);
        return policy;
    }

    private string? Objection(X509Certificate2 peer, X509Certificate2Collection? presented, Oid usage)
    {
        using var chain = new X509Chain { ChainPolicy = Policy(usage) };
        if (presented is not null)
            chain.ChainPolicy.ExtraStore.AddRange(presented);
        if (chain.Build(peer))
            return null;
        X509ChainStatusFlags flags = chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, status) => all | status.Status);
        return flags switch
        {
            _ when flags.HasFlag(X509ChainStatusFlags.UntrustedRoot) || flags.HasFlag(X509ChainStatusFlags.PartialChain) => "does not come from this cluster's authority",
            _ when flags.HasFlag(X509ChainStatusFlags.NotTimeValid) => $"is valid from {peer.NotBefore.ToUniversalTime():u} to {peer.NotAfter.ToUniversalTime():u} only",
            _ when flags.HasFlag(X509ChainStatusFlags.NotValidForUsage) => $"is not meant for a {(usage == ServerUsage ? "server" : "client")}",
            _ => $"is not valid ({flags})",
        };
    }

    private static X509Certificate2? AsCertificate2(X509Certificate? certificate) => certificate switch
    {
        null => null,
        X509Certificate2 already => already,
        _ => X509CertificateLoader.LoadCertificate(certificate.GetRawCertData()),
    };

    private static X509Certificate2Collection Certificates(string file, string pem)
    {
        X509Certificate2Collection found = Parse(file, "PEM certificates", () =>
        {
            var certificates = new X509Certificate2Collection();
            certificates.ImportFromPem(pem);
            return certificates;
        });
        return found.Count > 0 ? found : throw ClusterLpException.BadInput($"{file}: holds no PEM certificate.");
    }

    private static T Parse<T>(string file, string expected, Func<T> parse)
    {
        try
        {
            return parse();
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw ClusterLpException.BadInput($"{file}: is not {expected}: {e.Message}", e);
        }
    }

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.InputMissing($"{file}: cannot read this TLS file: {e.Message}", e);
        }
    }
}
