using ClusterLp.Core.Reporting;
using Spectre.Console;

namespace ClusterLp.Cli.Rendering;

/// <summary>Reported against recomputed; of files and untouched tensors, only what differs is listed.</summary>
internal static class VerifyView
{
    public static void Write(IAnsiConsole console, VerifyResult result)
    {
        foreach (IGrouping<string, VerifiedFigure> tensor in result.Figures.GroupBy(figure => figure.Tensor))
        {
            console.Say(tensor.Key);
            Table table = Tables.Create(1, "figure", "reported", "recomputed", "");
            foreach (VerifiedFigure figure in tensor)
                table.AddRow(new Text(figure.Figure), new Text(Figures.Error(figure.Reported)), new Text(Figures.Error(figure.Recomputed)), Mark(figure.Ok));
            console.Write(table);
        }
        if (result.NotRecomputed is { } left)
            console.Say(" " + left);
        foreach (VerifiedFile file in result.Files.Where(file => !file.Ok))
            console.Say($" {(file.IsInput ? "input" : "output")} {file.Path}: " + (file.Found is null ? "missing." : "its SHA-256 is not the reported one."), Color.Red);
        foreach (VerifiedTensor tensor in result.Untouched.Where(tensor => !tensor.Ok))
            console.Say($" {tensor.Name}{(tensor.IsFile ? ", apart from the factors" : "")}: {tensor.Difference}.", Color.Red);
        console.Say($" {Of(result.Files.Count(file => file.Ok), result.Files.Length)} files and "
            + $"{Of(result.Figures.Count(figure => figure.Ok), result.Figures.Length)} figures match"
            + (result.Untouched.Length == 0 ? "." : $"; {Untouched(result)} byte-identical."),
            result.Ok ? Color.Green : Color.Red);
    }

    private static string Untouched(VerifyResult result)
    {
        string many = Of(result.Untouched.Count(tensor => tensor.Ok), result.Untouched.Length);
        return !result.Untouched.All(tensor => tensor.IsFile) ? $"{many} other tensors are"
            : result.Untouched is [{ Ok: true } only] ? $"everything else in {only.Name} is" : $"apart from the factors, {many} files are";
    }

    private static string Of(int good, int all) => good == all ? $"all {all}" : $"{good} of {all}";

    private static Text Mark(bool ok) => ok ? new Text("ok", new Style(Color.Green)) : new Text("DIFFERS", new Style(Color.Red));
}
