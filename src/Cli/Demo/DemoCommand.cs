using System.CommandLine;
using ClusterLp.Core;

namespace ClusterLp.Cli.Demo;

/// <summary>
/// <c>clusterlp demo</c>: compresses a generated matrix with no network, or the two public networks that the root script
/// <c>./demo</c> fetches, and says what came out.
/// </summary>
public static class DemoCommand
{
    public static Command Create()
    {
        var full = new Option<bool>("--full") { Description = "Generate 50265 x 768, the shape of RoBERTa's token embedding, instead of 8192 x 256." };
        var generate = new Option<FileInfo?>("--generate") { Description = "Only write the generated matrix to this .npy (see --rows, --columns, --seed)." };
        var rows = new Option<int?>("--rows") { Description = "Rows of the generated matrix." };
        var columns = new Option<int?>("--columns") { Description = "Columns of the generated matrix." };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the generated matrix." };
        var command = new Command("demo", "Compress a generated matrix, or the public networks that ./demo fetches, and report the errors.")
        {
            full, generate, rows, columns, seed,
        };
        command.SetAction((parse, cancellation) =>
        {
            var matrix = new SyntheticMatrix(
                parse.GetValue(rows) ?? (parse.GetValue(full) ? 50265 : 8192),
                parse.GetValue(columns) ?? (parse.GetValue(full) ? 768 : 256),
                parse.GetValue(seed));
            if (parse.GetValue(generate) is { } file)
                matrix.Write(file.FullName, cancellation);
            return Task.FromResult((int)ExitCode.Done);
        });
        return command;
    }
}
