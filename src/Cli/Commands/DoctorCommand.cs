using System.CommandLine;
using System.Text.Json;
using ClusterLp.Cli.Diagnostics;
using ClusterLp.Cli.Rendering;
using ClusterLp.Core;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Commands;

/// <summary><c>doctor</c>: what is there, what is missing, and whether a tiny fit comes out right.</summary>
internal sealed class DoctorCommand(Terminal terminal)
{
    private readonly Option<bool> _json = CommonOptions.Json();

    public Command Create()
    {
        var command = new Command("doctor", "Check this machine: kernels, cores, memory, libraries, and a tiny fit against brute force.") { _json };
        command.SetAction(async (parse, cancellation) =>
        {
            IReadOnlyList<Finding> findings = await Diagnosis.RunAsync(cancellation);
            if (parse.GetValue(_json))
                terminal.RawOut.WriteLine(JsonSerializer.Serialize(findings, ReportJson.Options));
            else
                DoctorView.Write(terminal.Out, findings);
            return (int)(findings.Any(finding => finding.Verdict == Verdict.Failed) ? ExitCode.Internal : ExitCode.Done);
        });
        return command;
    }
}
