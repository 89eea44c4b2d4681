using ClusterLp.Cli.Diagnostics;
using Spectre.Console;

namespace ClusterLp.Cli.Rendering;

/// <summary>The findings of <c>doctor</c>, with what to do about each.</summary>
internal static class DoctorView
{
    public static void Write(IAnsiConsole console, IReadOnlyList<Finding> findings)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn(new GridColumn().NoWrap()).AddColumn();
        foreach (Finding finding in findings)
            grid.AddRow(
                new Text(finding.Verdict.ToString().ToLowerInvariant(), new Style(Colour(finding.Verdict))),
                new Text(finding.Subject),
                new Text(finding.Found + (finding.Advice is null ? "" : $" ({finding.Advice})")));
        console.Write(grid);
    }

    private static Color Colour(Verdict verdict) => verdict switch
    {
        Verdict.Ok => Color.Green,
        Verdict.Slow => Color.Yellow,
        _ => Color.Red,
    };
}
