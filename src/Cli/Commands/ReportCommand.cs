using System.Collections.Immutable;
using System.CommandLine;
using System.Text;
using ClusterLp.Cli.Rendering.Report;
using ClusterLp.Cli.Running;
using ClusterLp.Core;
using ClusterLp.Core.Evaluation;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Storage;

namespace ClusterLp.Cli.Commands;

/// <summary><c>report</c>: a job's report as one HTML page with plots.</summary>
internal sealed class ReportCommand(Terminal terminal)
{
    private const int MostLayers = 6;

    private readonly Argument<string> _output = new("output") { Description = "An output directory of compress." };
    private readonly Option<string?> _against = new("--against") { Description = "The model it was made from (default: where the job read it, if it is still there).", HelpName = "MODEL" };
    private readonly Option<string[]> _tensors = new("--tensor") { Description = $"A compressed tensor to draw, by name or glob; repeatable (default: the {MostLayers} largest).", HelpName = "NAME" };
    private readonly Option<string?> _page = new("--output", "-o") { Description = "The page (default: report.html in the output directory).", HelpName = "FILE" };
    private readonly Option<string?> _vocabulary = new("--vocabulary") { Description = "Names of the rows, for the archetypes of --method simplex: one token a line, a vocab.json or a tokenizer.json.", HelpName = "FILE" };
    private readonly Option<bool> _force = new("--force") { Description = "Replace the page if it exists." };

    public Command Create()
    {
        var command = new Command("report", "Draw a job's report as one HTML page: errors by rank, spectrum, residual tails, row errors, layers, and the run by worker.")
        {
            _output, _against, _tensors, _page, _vocabulary, _force,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parse, CancellationToken cancellation)
    {
        string output = StoredFiles.Absolute(parse.GetValue(_output)!), page = StoredFiles.Absolute(parse.GetValue(_page) ?? StoredFiles.Combine(output, "report.html"));
        JobReport report = OutputVerifier.ReadReport(output);
        if (parse.GetValue(_vocabulary) is { } file)
        {
            if (!report.Tensors.Any(tensor => tensor.Simplex is not null))
                throw ClusterLpException.Usage("vocabulary belongs to outputs of method simplex: nothing else on the page has names.");
            var names = Vocabulary.Read(file);
            ArchetypeNames.Check(file, names, report.Tensors.Max(tensor => tensor.Rows));
            report = ArchetypeNames.With(report, names);
        }
        if (StoredFiles.Exists(page) && !parse.GetValue(_force))
            throw ClusterLpException.CannotWrite($"{page}: the page exists; name another with --output, or replace it with --force.");
        string? model = parse.GetValue(_against), obstacle = model is null ? Obstacle(report.Parameters.Input) : null;
        if (obstacle is null)
            model ??= report.Parameters.Input;
        string[] tensors = parse.GetValue(_tensors) ?? [];
        ImmutableArray<LayerProfile> profiles = [];
        if (model is not null)
            await using (var progress = new ShareProgress(terminal, parse.GetValue(CommonOptions.Quiet), "report"))
                profiles = await Task.Run(() => Profiler.Run(output, model, tensors, MostLayers, progress, cancellation), cancellation);
        string? note = model is null ? $"{obstacle}: what is drawn from the model itself is left out. Name it with --against."
            : profiles.Length < report.Tensors.Length && tensors.Length == 0 ? $"Drawn below are the {profiles.Length} largest of {report.Tensors.Length} layers; --tensor chooses others."
            : null;
        JobFiles.Replace(page, Encoding.UTF8.GetBytes(ReportPage.Write(report, profiles, note)), durable: false);
        terminal.RawOut.WriteLine(page);
        if (model is null)
            terminal.RawError.WriteLine($"clusterlp: {note}");
        return (int)ExitCode.Done;
    }

    // Why the model cannot be drawn from; null where it can. A store that refuses is no reason to go without the rest of the page.
    private static string? Obstacle(string model)
    {
        try
        {
            return StoredFiles.Exists(model) || StoredFiles.FolderExists(model) ? null : $"{model} is gone";
        }
        catch (ClusterLpException e)
        {
            return e.Message.TrimEnd('.');
        }
    }
}
