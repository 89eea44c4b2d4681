using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using ClusterLp.Cli.Hosting;
using ClusterLp.Cli.Rendering;
using ClusterLp.Core;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Commands;

/// <summary><c>certs</c>: a private authority and certificates for the nodes of a cluster.</summary>
internal sealed class CertsCommand(Terminal terminal)
{
    private const int DefaultDays = 365, MostDays = 3650;

    private readonly Option<string> _folder = new("--dir") { Description = "Folder of the authority and the certificates (default: certs).", HelpName = "DIR", DefaultValueFactory = _ => "certs" };
    private readonly Option<string[][]> _hosts = new("--host")
    {
        Description = "A node: the name or IP address others reach it by; several names of one node with commas. Repeatable.",
        HelpName = "HOST[,HOST...]",
        Required = true,
        CustomParser = result => [.. result.Tokens.Select(token => Names(result, token.Value))],
    };
    private readonly Option<int?> _days = OptionParsers.Whole("--days", "N", $"Days the nodes' certificates are valid (default: {DefaultDays}).");
    private readonly Option<bool> _force = new("--force") { Description = "Replace the certificates and keys of these nodes; never the authority." };
    private readonly Option<bool> _json = CommonOptions.Json();

    public Command Create()
    {
        var command = new Command("certs", "Make certificates for a cluster's nodes, and a private authority to sign them where there is none.")
        {
            _folder, _hosts, _days, _force, _json,
        };
        command.SetAction(Run);
        return command;
    }

    private int Run(ParseResult parse)
    {
        int days = parse.GetValue(_days) ?? DefaultDays;
        if (days > MostDays)
            throw ClusterLpException.Usage($"--days is {days}; expected {MostDays} at most.");
        using CertificateAuthority authority = CertificateAuthority.OpenOrCreate(parse.GetValue(_folder)!);
        CertificateAuthority.Files[] nodes = [.. parse.GetValue(_hosts)!.Select(hosts => authority.Issue(hosts, days, parse.GetValue(_force)))];
        if (parse.GetValue(_json))
            terminal.RawOut.WriteLine(JsonSerializer.Serialize(new { authority = new { authority.Own.Certificate, authority.Own.Key, authority.Own.Expires, authority.Created }, nodes }, ReportJson.Options));
        else
            CertsView.Write(terminal.RawOut, authority.Own, authority.Created, nodes);
        return (int)ExitCode.Done;
    }

    private static string[] Names(ArgumentResult result, string text)
    {
        string[] hosts = text.Split(',', StringSplitOptions.TrimEntries);
        foreach (string host in hosts)
            if (Uri.CheckHostName(host.StartsWith("*.", StringComparison.Ordinal) ? host[2..] : host) == UriHostNameType.Unknown)
            {
                result.AddError($"--host is '{text}'; expected a host name or an IP address, or several with commas.");
                return [];
            }
        return hosts;
    }
}
