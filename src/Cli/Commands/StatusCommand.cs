using System.CommandLine;
using System.Text.Json;
using ClusterLp.Cli.Rendering;
using ClusterLp.Core;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Commands;

/// <summary><c>status</c>: what a job directory says of its job.</summary>
internal sealed class StatusCommand(Terminal terminal)
{
    private readonly Option<string> _jobDirectory = new("--job-dir") { Description = "The job's directory.", HelpName = "DIR", Required = true };
    private readonly Option<bool> _json = CommonOptions.Json();

    public Command Create()
    {
        var command = new Command("status", "Say how far a job has come, and whether its process is alive.") { _jobDirectory, _json };
        command.SetAction(parse =>
        {
            JobStatus status = JobStatusFile.Read(parse.GetValue(_jobDirectory)!);
            if (parse.GetValue(_json))
                terminal.RawOut.WriteLine(JsonSerializer.Serialize(new { status, alive = status.Process.IsAlive() }, ReportJson.Options));
            else
                StatusView.Write(terminal.Out, status, status.Process.IsAlive(), DateTime.UtcNow);
            return (int)ExitCode.Done;
        });
        return command;
    }
}
