using System.CommandLine;
using System.Net;
using System.Text.Json;
using ClusterLp.Cli.Diagnostics;
using ClusterLp.Cli.Operations;
using ClusterLp.Cli.Rendering;
using ClusterLp.Core;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Commands;

/// <summary><c>doctor</c>: what is there, what is missing, and whether a tiny fit comes out right.</summary>
internal sealed class DoctorCommand(Terminal terminal)
{
    private readonly Option<DnsEndPoint?> _listen = OptionParsers.EndPoint("--listen", "Also check that a coordinator could listen here.", portZero: false);
    private readonly Option<DnsEndPoint?> _http = OptionParsers.EndPoint("--http", "Also check that health and metrics could be served here.", portZero: false);
    private readonly Option<Uri?> _otlp = OptionParsers.WebAddress("--otlp", $"Also check that this collector of traces can be reached; else ${OtlpSettings.EndpointVariable}.");
    private readonly Option<string?> _jobDirectory = new("--job-dir") { Description = "Also check that this job directory can be written, and the space there.", HelpName = "DIR" };
    private readonly Option<bool> _json = CommonOptions.Json();

    public Command Create()
    {
        var command = new Command("doctor", "Check this machine: kernels, cores, memory, libraries, and a tiny fit against brute force.") { _listen, _http, _otlp, _jobDirectory, _json };
        command.SetAction(async (parse, cancellation) =>
        {
            IReadOnlyList<Finding> findings = [.. await Diagnosis.RunAsync(cancellation), .. await ReachAsync(parse, cancellation)];
            if (parse.GetValue(_json))
                terminal.RawOut.WriteLine(JsonSerializer.Serialize(findings, ReportJson.Options));
            else
                DoctorView.Write(terminal.Out, findings);
            return (int)(findings.Any(finding => finding.Verdict == Verdict.Failed) ? ExitCode.Internal : ExitCode.Done);
        });
        return command;
    }

    private async Task<IReadOnlyList<Finding>> ReachAsync(ParseResult parse, CancellationToken cancellation)
    {
        var findings = new List<Finding>();
        foreach (Option<DnsEndPoint?> option in (Option<DnsEndPoint?>[])[_listen, _http])
            if (parse.GetValue(option) is { } address)
                findings.Add(ReachChecks.Listen(option.Name, address));
        if (OtlpSettings.Of(parse.GetValue(_otlp)) is { } collector)
            findings.Add(await ReachChecks.CollectorAsync(collector, cancellation));
        if (parse.GetValue(_jobDirectory) is { } directory)
            findings.Add(ReachChecks.JobDirectory(directory));
        return findings;
    }
}
