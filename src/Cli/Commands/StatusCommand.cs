using System.CommandLine;
using System.Net;
using System.Text.Json;
using ClusterLp.Cli.Hosting;
using ClusterLp.Cli.Rendering;
using ClusterLp.Core;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Commands;

/// <summary><c>status</c>: what a job directory, or a running coordinator, says of its job.</summary>
internal sealed class StatusCommand(Terminal terminal)
{
    private readonly Option<string?> _jobDirectory = new("--job-dir") { Description = "The job's directory.", HelpName = "DIR" };
    private readonly Option<DnsEndPoint?> _coordinator = OptionParsers.EndPoint("--coordinator", "Where the job's coordinator listens.", portZero: false);
    private readonly Option<string?> _host = new("--host") { Description = "With --coordinator: this machine's address, for the answer (default: 127.0.0.1).", HelpName = "HOST" };
    private readonly TlsOptions _tls = new();
    private readonly Option<bool> _json = CommonOptions.Json();

    public Command Create()
    {
        var command = new Command("status", "Say how far a job has come, and whether its process is alive.") { _jobDirectory, _coordinator, _host, _json };
        _tls.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetResult(_jobDirectory) is null == result.GetResult(_coordinator) is null)
                result.AddError("Give either --job-dir or --coordinator.");
        });
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parse, CancellationToken cancellation)
    {
        JobStatus status;
        bool? alive;
        if (parse.GetValue(_coordinator) is { } coordinator)
        {
            status = await StatusQuery.AskAsync(coordinator, parse.GetValue(_host) ?? "127.0.0.1", _tls.Load(parse), _tls.IsInsecure(parse), cancellation);
            // It has just answered, whatever machine it is on.
            alive = true;
        }
        else
        {
            status = JobStatusFile.Read(parse.GetValue(_jobDirectory)!);
            alive = status.Process.IsAlive();
        }
        if (parse.GetValue(_json))
            terminal.RawOut.WriteLine(JsonSerializer.Serialize(new { status, alive }, ReportJson.Options));
        else
            StatusView.Write(terminal.Out, status, alive, DateTime.UtcNow);
        return (int)ExitCode.Done;
    }
}
