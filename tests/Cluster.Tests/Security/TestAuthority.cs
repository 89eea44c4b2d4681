using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ClusterLp.Cli.Hosting;

namespace ClusterLp.Cluster.Tests.Security;

/// <summary>An authority in a folder of its own, as <c>clusterlp certs</c> makes it, and certificates it would not make.</summary>
internal sealed class TestAuthority : IDisposable
{
    private const string Server = "1.3.6.1.5.5.7.3.1", Client = "1.3.6.1.5.5.7.3.2";

    private readonly string _folder = Directory.CreateTempSubdirectory("clusterlp-authority-").FullName;
    private readonly CertificateAuthority _authority;
    private readonly CertificateAuthority.Files _node;

    public TestAuthority()
    {
        _authority = CertificateAuthority.OpenOrCreate(_folder);
        _node = _authority.Issue(["127.0.0.1", "localhost"], days: 2, force: false);
    }

    /// <summary>The command-line options of a node of this authority at 127.0.0.1.</summary>
    public string[] Options => ["--tls-cert", _node.Certificate, "--tls-key", _node.Key, "--tls-ca", _authority.Own.Certificate];

    /// <summary>What such a node goes by.</summary>
    public NodeTls Tls => NodeTls.Load(_node.Certificate, _node.Key, _authority.Own.Certificate);

    /// <summary>A node's certificate with its key.</summary>
    public X509Certificate2 Node => X509Certificate2.CreateFromPemFile(_node.Certificate, _node.Key);

    /// <summary>A certificate of this authority that ended a day ago.</summary>
    public X509Certificate2 Expired() => Issue("127.0.0.1", DateTimeOffset.UtcNow.AddDays(-1), [Server, Client]);

    /// <summary>A certificate of this authority for another host.</summary>
    public X509Certificate2 OfAnotherHost() => Issue("127.0.0.99", DateTimeOffset.UtcNow.AddDays(1), [Server, Client]);

    /// <summary>A certificate of this authority that is only good for listening.</summary>
    public X509Certificate2 ForServersOnly() => Issue("127.0.0.1", DateTimeOffset.UtcNow.AddDays(1), [Server]);

    /// <summary>A certificate that says its authority's can be fetched at an address.</summary>
    public X509Certificate2 FetchedFrom(Uri address) => Issue(
        "127.0.0.1", DateTimeOffset.UtcNow.AddDays(1), [Server, Client], new X509AuthorityInformationAccessExtension(null, [address.AbsoluteUri]));

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private X509Certificate2 Issue(string host, DateTimeOffset until, string[] usages, params X509Extension[] more)
    {
        using X509Certificate2 authority = X509Certificate2.CreateFromPemFile(_authority.Own.Certificate, _authority.Own.Key);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256), signing = authority.GetECDsaPrivateKey()!;
        var request = new CertificateRequest($"CN={host}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Parse(host));
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. usages.Select(usage => new Oid(usage))], critical: false));
        foreach (X509Extension extension in more)
            request.CertificateExtensions.Add(extension);
        using X509Certificate2 certificate = request.Create(
            authority.SubjectName, X509SignatureGenerator.CreateForECDsa(signing), until.AddDays(-3), until, RandomNumberGenerator.GetBytes(16));
        return certificate.CopyWithPrivateKey(key);
    }
}
