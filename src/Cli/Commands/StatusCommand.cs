using System.CommandLine;
using System.Net;
using System.Text.Json;
using ClusterLp.Cli.Hosting;
using ClusterLp.Cli.Rendering;
using ClusterLp.Core;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Commands;

/// <summary><c>status</c>: what a job directory, or a running coordinator, says of its job; once, or until the job is over.</summary>
internal sealed class StatusCommand(Terminal terminal)
{
    private static readonly TimeSpan WatchEvery = TimeSpan.FromSeconds(2);
    private static readonly JsonSerializerOptions OneLine = new(ReportJson.Options) { WriteIndented = false };

    private readonly Option<string?> _jobDirectory = new("--job-dir") { Description = "The job's directory.", HelpName = "DIR" };
    private readonly Option<DnsEndPoint?> _coordinator = OptionParsers.EndPoint("--coordinator", "Where the job's coordinator listens.", portZero: false);
    private readonly Option<string?> _host = OptionParsers.Host("With --coordinator: this machine's address, for the answer (default: 127.0.0.1).");
    private readonly Option<bool> _watch = new("--watch") { Description = "Show it again and again until the job is over; with --json an object a line." };
    private readonly Option<TimeSpan?> _every = OptionParsers.Duration("--every", "With --watch: how often (default: 2s).");
    private readonly TlsOptions _tls = new();
    private readonly Option<bool> _json = CommonOptions.Json();

    public Command Create()
    {
        var command = new Command("status", "Say how far a job has come, who works on it, and whether its process is alive.") { _jobDirectory, _coordinator, _host, _watch, _every, _json };
        _tls.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetResult(_jobDirectory) is null == result.GetResult(_coordinator) is null)
                result.AddError("Give either --job-dir or --coordinator.");
            if (result.GetResult(_every) is not null && !result.GetValue(_watch))
                result.AddError("--every needs --watch.");
        });
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parse, CancellationToken cancellation)
    {
        await using StatusQuery? query = parse.GetValue(_coordinator) is { } coordinator
            ? StatusQuery.Open(coordinator, parse.GetValue(_host) ?? "127.0.0.1", _tls.Load(parse), _tls.IsInsecure(parse))
            : null;
        string directory = parse.GetValue(_jobDirectory) ?? "";
        async Task<(JobStatus, bool?)> AskAsync()
        {
            if (query is not null)
                // It has just answered, whatever machine it is on.
                return (await query.AskAsync(cancellation), true);
            JobStatus status = JobStatusFile.Read(directory);
            return (status, status.Process.IsAlive());
        }

        bool json = parse.GetValue(_json);
        if (parse.GetValue(_watch))
            await new StatusWatch(AskAsync, parse.GetValue(_every) ?? WatchEvery).RunAsync(terminal, (status, alive) => WriteLine(status, alive, json), json, cancellation);
        else if (await AskAsync() is var (status, alive) && json)
            terminal.RawOut.WriteLine(JsonSerializer.Serialize(new { status, alive }, ReportJson.Options));
        else
            terminal.Out.Write(StatusView.Of(status, alive, DateTime.UtcNow));
        return (int)ExitCode.Done;
    }

    private void WriteLine(JobStatus status, bool? alive, bool json) =>
        terminal.RawOut.WriteLine(json ? JsonSerializer.Serialize(new { status, alive }, OneLine) : StatusView.Line(status, alive));
}
