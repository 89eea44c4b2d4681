using System.CommandLine;
using System.Text.Json;
using ClusterLp.Cli.Rendering;
using ClusterLp.Cli.Running;
using ClusterLp.Core;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Commands;

/// <summary><c>verify</c>: recomputes every reported error from the files alone.</summary>
internal sealed class VerifyCommand(Terminal terminal)
{
    private readonly Argument<string> _output = new("output") { Description = "An output directory of compress." };
    private readonly Option<string> _against = new("--against") { Description = "The model it was made from.", HelpName = "MODEL", Required = true };
    private readonly Option<string?> _rowWeights = new("--row-weights") { Description = "The row weights the job had (default: the file it read, if it still exists).", HelpName = "FILE" };
    private readonly Option<string?> _columnMetric = new("--column-metric") { Description = "The column metric the job had (default: the file it read, if it still exists).", HelpName = "FILE" };
    private readonly Option<bool> _json = CommonOptions.Json();

    public Command Create()
    {
        var command = new Command("verify", "Recompute hashes and every reported error from the files alone; exit 65 when something does not match.")
        {
            _output, _against, _rowWeights, _columnMetric, _json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parse, CancellationToken cancellation)
    {
        string output = parse.GetValue(_output)!;
        var given = new SideFiles(parse.GetValue(_rowWeights), parse.GetValue(_columnMetric));
        VerifyResult result;
        await using (var progress = new ShareProgress(terminal, parse.GetValue(CommonOptions.Quiet), "verify"))
            result = await Task.Run(() => OutputVerifier.Verify(output, parse.GetValue(_against)!, given, progress, cancellation), cancellation);
        if (parse.GetValue(_json))
            terminal.RawOut.WriteLine(JsonSerializer.Serialize(result, ReportJson.Options));
        else
            VerifyView.Write(terminal.Out, result);
        if (!result.Ok)
            throw ClusterLpException.BadInput($"{output}: the files do not match the report.");
        return (int)ExitCode.Done;
    }
}
