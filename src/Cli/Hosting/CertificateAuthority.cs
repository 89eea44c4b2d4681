using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ClusterLp.Core;

namespace ClusterLp.Cli.Hosting;

/// <summary>
/// A small private authority in a folder: <c>ca.crt</c> and <c>ca.key</c>, and for every node a certificate and a key. PEM,
/// ECDSA P-256; keys are readable by their owner alone. Nothing is replaced unless asked for, the authority never.
/// </summary>
internal sealed class CertificateAuthority : IDisposable
{
    private const string Server = "1.3.6.1.5.5.7.3.1", Client = "1.3.6.1.5.5.7.3.2";
    private const int YearsOfAuthority = 10;
    /// <summary>Nodes whose clocks are behind ours accept a new certificate all the same.</summary>
    private static readonly TimeSpan ClockSkew = TimeSpan.FromHours(1);

    private readonly string _folder;
    private readonly X509Certificate2 _certificate;

    private CertificateAuthority(string folder, X509Certificate2 certificate, bool created) =>
        (_folder, _certificate, Created) = (folder, certificate, created);

    /// <summary>A certificate and its key, as files.</summary>
    /// <param name="Hosts">Names and addresses it is for; empty for the authority.</param>
    internal sealed record Files(string[] Hosts, string Certificate, string Key, DateTime Expires);

    /// <summary>Whether it was made just now.</summary>
    public bool Created { get; }

    /// <summary>Its own files.</summary>
    public Files Own => new([], Path.Combine(_folder, "ca.crt"), Path.Combine(_folder, "ca.key"), _certificate.NotAfter.ToUniversalTime());

    /// <summary>The folder's authority, made where there is none.</summary>
    /// <exception cref="ClusterLpException">It is damaged (exit 65), half of it is missing (66), or the folder cannot be written (73).</exception>
    public static CertificateAuthority OpenOrCreate(string folder)
    {
        folder = Path.GetFullPath(folder);
        string certificate = Path.Combine(folder, "ca.crt"), key = Path.Combine(folder, "ca.key");
        if (!File.Exists(certificate) && !File.Exists(key))
            return new CertificateAuthority(folder, Create(folder, certificate, key), created: true);
        try
        {
            return new CertificateAuthority(folder, X509Certificate2.CreateFromPemFile(certificate, key), created: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.InputMissing($"{folder}: an authority is its ca.crt and its ca.key: {e.Message}", e);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw ClusterLpException.BadInput($"{folder}: ca.crt and ca.key are not a certificate and its key: {e.Message}", e);
        }
    }

    /// <summary>Makes a certificate for one node; its files are named after the first host.</summary>
    /// <param name="hosts">DNS names (a leading <c>*.</c> allowed) and IP addresses, one or more.</param>
    /// <param name="days">Days it is valid; never beyond the authority.</param>
    /// <param name="force">Replace the node's files.</param>
    /// <exception cref="ClusterLpException">They exist (exit 73), or the authority expires before (64).</exception>
    public Files Issue(string[] hosts, int days, bool force)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow, until = now.AddDays(days);
        if (until > _certificate.NotAfter)
            throw ClusterLpException.Usage($"{Own.Certificate} expires on {Own.Expires:yyyy-MM-dd}, before a certificate of {days} days: give fewer --days, or start over in another --dir.");
        string stem = Path.Combine(_folder, hosts[0].Replace("*", "any", StringComparison.Ordinal));
        var files = new Files(hosts, stem + ".crt", stem + ".key", until.UtcDateTime);
        foreach (string file in (string[])[files.Certificate, files.Key])
            if (file == Own.Certificate || file == Own.Key)
                throw ClusterLpException.Usage($"{file} is the authority's own: name this node by another of its names first.");
            else if (!force && File.Exists(file))
                throw ClusterLpException.CannotWrite($"{file}: exists already: give --force to replace this node's certificate and key.");

        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(new X500DistinguishedName($"CN=\"{hosts[0]}\""), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(Server), new Oid(Client)], critical: false));
        request.CertificateExtensions.Add(Names(hosts));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_certificate, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        DateTimeOffset from = now - ClockSkew;
        using X509Certificate2 certificate = request.Create(_certificate, from > _certificate.NotBefore ? from : _certificate.NotBefore, until, RandomNumberGenerator.GetBytes(16));
        Write(files.Key, key.ExportPkcs8PrivateKeyPem(), secret: true);
        Write(files.Certificate, certificate.ExportCertificatePem(), secret: false);
        return files;
    }

    public void Dispose() => _certificate.Dispose();

    private static X509Certificate2 Create(string folder, string certificateFile, string keyFile)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        // Two authorities can be told apart by name.
        string name = $"CN=ClusterLp authority {Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}";
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        X509Certificate2 certificate = request.CreateSelfSigned(now - ClockSkew, now.AddYears(YearsOfAuthority));
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.CannotWrite($"{folder}: cannot be created: {e.Message}", e);
        }
        Write(keyFile, key.ExportPkcs8PrivateKeyPem(), secret: true);
        Write(certificateFile, certificate.ExportCertificatePem(), secret: false);
        return certificate;
    }

    private static X509Extension Names(string[] hosts)
    {
        var names = new SubjectAlternativeNameBuilder();
        foreach (string host in hosts)
            if (IPAddress.TryParse(host, out IPAddress? address))
                names.AddIpAddress(address);
            else
                names.AddDnsName(host);
        return names.Build();
    }

    // Whole or not at all, and a secret is never readable by others, not even for a moment.
    private static void Write(string path, string pem, bool secret)
    {
        try
        {
            string temporary = $"{path}.tmp-{Guid.NewGuid():N}";
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite
                    | (secret ? UnixFileMode.None : UnixFileMode.GroupRead | UnixFileMode.OtherRead);
            using (var file = new StreamWriter(temporary, options))
                file.Write(pem + "\n");
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.CannotWrite($"{path}: cannot write: {e.Message}", e);
        }
    }
}
