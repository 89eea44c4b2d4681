using ClusterLp.Cli.Hosting;

namespace ClusterLp.Cli.Rendering;

/// <summary>What <c>certs</c> made, and how to use it.</summary>
internal static class CertsView
{
    public static void Write(TextWriter output, CertificateAuthority.Files authority, bool created, IReadOnlyList<CertificateAuthority.Files> nodes)
    {
        output.WriteLine($"{(created ? "new authority" : "authority")}  {authority.Certificate}  valid to {authority.Expires:yyyy-MM-dd}");
        foreach (CertificateAuthority.Files node in nodes)
            output.WriteLine($"node {string.Join(", ", node.Hosts)}  {node.Certificate}  {node.Key}  valid to {node.Expires:yyyy-MM-dd}");
        CertificateAuthority.Files first = nodes[0];
        output.WriteLine(
            $"""

            Copy to each node its own .crt and .key, and {Path.GetFileName(authority.Certificate)}. Keep {authority.Key} here: whoever has it can join.

              clusterlp coordinator --job job.json --listen {first.Hosts[0]}:4053 {Options(first, authority)}
              clusterlp worker --coordinator {first.Hosts[0]}:4053 --host {nodes[^1].Hosts[0]} {Options(nodes[^1], authority)}
            """);
    }

    private static string Options(CertificateAuthority.Files node, CertificateAuthority.Files authority) =>
        $"--tls-cert {node.Certificate} --tls-key {node.Key} --tls-ca {authority.Certificate}";
}
