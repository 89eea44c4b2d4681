using System.CommandLine;
using System.Net;
using ClusterLp.Cli.Hosting;
using ClusterLp.Cli.Operations;
using ClusterLp.Cli.Rendering;
using ClusterLp.Cli.Running;
using ClusterLp.Core;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Commands;

/// <summary><c>coordinator</c>: the job of a job file, computed by the workers that join.</summary>
internal sealed class CoordinatorCommand(Terminal terminal)
{
    private readonly Option<string> _job = new("--job") { Description = "The job: a JSON object with model and the options of compress as keys.", HelpName = "FILE", Required = true };
    private readonly Option<DnsEndPoint?> _listen = OptionParsers.EndPoint("--listen", "Address for workers to join (default: 127.0.0.1:4053; port 0 takes a free one).", portZero: true);
    private readonly Option<string?> _host = OptionParsers.Host("The name workers reach this process by, where it is not --listen's (a container listens on 0.0.0.0).");
    private readonly Option<string?> _jobDirectory = new("--job-dir") { Description = "Folder for intermediate results that all workers can reach (default: the job file's, or a hidden one beside the output).", HelpName = "DIR" };
    private readonly Option<DnsEndPoint?> _serveBlobs = OptionParsers.EndPoint("--serve-blobs", "Also serve intermediate results here, to workers that do not see the job directory (port 0 takes a free one).", portZero: true);
    private readonly Option<int?> _threads = OptionParsers.Whole("--threads", "N", "Threads for reductions (default: the cores).");
    private readonly Option<bool> _force = new("--force") { Description = "Replace an existing output." };
    private readonly OperationsOptions _operations = new();
    private readonly TlsOptions _tls = new();
    private readonly RootOptions _roots = new();
    private readonly Option<bool> _json = CommonOptions.Json();

    public Command Create()
    {
        var command = new Command("coordinator", "Run a job on a cluster: workers join, compute its blocks, and this process writes the output.")
        {
            _job, _listen, _host, _jobDirectory, _serveBlobs, _threads, _force, _json,
        };
        _operations.AddTo(command);
        _tls.AddTo(command);
        _roots.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parse, CancellationToken cancellation)
    {
        JobFile job = JobFile.Read(parse.GetValue(_job)!);
        DnsEndPoint listen = parse.GetValue(_listen) ?? new DnsEndPoint("127.0.0.1", 4053);
        var address = new NodeAddress(listen.Host, listen.Port, parse.GetValue(_host));
        DnsEndPoint? serveBlobs = parse.GetValue(_serveBlobs);
        int threads = parse.GetValue(_threads) ?? Environment.ProcessorCount;
        NodeTls? tls = _tls.Load(parse);
        EnsureInside(_roots.Read(parse, parse.GetValue(_jobDirectory), address.Bind, address.Public, serveBlobs?.Host ?? listen.Host), job);
        var health = new Health();
        await using IAsyncDisposable operations = await _operations.StartAsync(parse, health);
        await using var cluster = new CoordinatorProcess(
            new CoordinatorOptions(address, threads, _tls.IsInsecure(parse)) { Tls = tls, ServeBlobs = serveBlobs, Health = health });
        JobReport report = await new CompressionRun(terminal, parse.GetValue(CommonOptions.Quiet)) { Fitter = cluster }.RunAsync(
            job.Spec with { Force = job.Spec.Force || parse.GetValue(_force) }, parse.GetValue(_jobDirectory) ?? job.JobDirectory, cluster.RunAsync, cancellation);
        ResultsView.Write(terminal, report, parse.GetValue(_json));
        return (int)ExitCode.Done;
    }

    // The job file may come from someone who may not read or write everything this process can.
    private static void EnsureInside(PathRoots roots, JobFile job)
    {
        roots.Ensure("the output", job.Spec.Output);
        if (job.JobDirectory is { } directory)
            roots.Ensure("the job directory", directory);
        if (job.Spec.RowWeights is { } weights)
            roots.Ensure("the row weights", weights);
        if (job.Spec.ColumnMetric is { } metric)
            roots.Ensure("the column metric", metric);
        if (job.Spec.Vocabulary is { } vocabulary)
            roots.Ensure("the vocabulary", vocabulary);
        roots.Ensure("the model", job.Spec.Input);
        if (roots.AreLimited)
        {
            using IModel model = ModelFiles.Open(job.Spec.Input);
            roots.Ensure(model);
            foreach (CarriedFile file in CarriedFiles.Of(job.Spec.Input, model, job.Spec.Output))
                roots.Ensure("a file beside the model", file.Path);
        }
    }
}
