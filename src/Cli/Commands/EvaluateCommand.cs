using System.CommandLine;
using System.Text.Json;
using ClusterLp.Cli.Rendering;
using ClusterLp.Cli.Running;
using ClusterLp.Core;
using ClusterLp.Core.Evaluation;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Commands;

/// <summary><c>evaluate</c>: what compression changed, with no task; SVD of the same rank beside every figure.</summary>
internal sealed class EvaluateCommand(Terminal terminal)
{
    private readonly Argument<string> _output = new("output") { Description = "An output directory of compress." };
    private readonly Option<string> _against = new("--against") { Description = "The model it was made from.", HelpName = "MODEL", Required = true };
    private readonly Option<string[]> _tensors = new("--tensor") { Description = "A compressed tensor's name or glob; repeatable (default: all).", HelpName = "NAME" };
    private readonly Option<string?> _vocabulary = new("--vocabulary") { Description = "Names of the rows: one token a line, a vocab.json or a tokenizer.json (default: the model's own, where its format has them).", HelpName = "FILE" };
    private readonly Option<string?> _activations = new("--activations") { Description = "An m x d .npy X of what the layer reads: also measures the error of its outputs X A^T.", HelpName = "FILE" };
    private readonly Option<string?> _rowWeights = new("--row-weights") { Description = "How often each row is used, one positive number a line or a .npy (default: the job's; else row 0 is taken for the most frequent).", HelpName = "FILE" };
    private readonly Option<int?> _queries = OptionParsers.Whole("--queries", "N", "Rows whose nearest neighbours are compared (default 500).", least: 0);
    private readonly Option<ulong?> _seed = OptionParsers.Seed("--seed", "Chooses those rows (default 0).");
    private readonly Option<bool> _json = CommonOptions.Json();

    public Command Create()
    {
        var command = new Command("evaluate", "Measure what compression changed: neighbours, directions and lengths of rows, outputs; SVD at the same rank beside it.")
        {
            _output, _against, _tensors, _vocabulary, _activations, _rowWeights, _queries, _seed, _json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parse, CancellationToken cancellation)
    {
        var options = new EvaluationOptions
        {
            Tensors = parse.GetValue(_tensors) ?? [],
            Vocabulary = parse.GetValue(_vocabulary),
            Activations = parse.GetValue(_activations),
            RowWeights = parse.GetValue(_rowWeights),
            Seed = parse.GetValue(_seed) ?? 0,
        };
        if (parse.GetValue(_queries) is int queries)
            options = options with { Queries = queries };
        EvaluationResult result;
        await using (var progress = new ShareProgress(terminal, parse.GetValue(CommonOptions.Quiet), "evaluate"))
            result = await Task.Run(() => Evaluator.Run(parse.GetValue(_output)!, parse.GetValue(_against)!, options, progress, cancellation), cancellation);
        if (parse.GetValue(_json))
            terminal.RawOut.WriteLine(JsonSerializer.Serialize(result, ReportJson.Options));
        else
            EvaluationView.Write(terminal.Out, result);
        return (int)ExitCode.Done;
    }
}
