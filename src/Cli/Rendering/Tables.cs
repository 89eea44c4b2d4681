using Spectre.Console;

namespace ClusterLp.Cli.Rendering;

/// <summary>The one look of all tables.</summary>
internal static class Tables
{
    /// <summary>A table whose columns after the first <paramref name="left"/> are right-aligned.</summary>
    public static Table Create(int left, params string[] headings)
    {
        var table = new Table { Border = TableBorder.Simple, UseSafeBorder = true };
        for (int i = 0; i < headings.Length; i++)
        {
            var column = new TableColumn(new Text(headings[i], new Style(decoration: Decoration.Bold)));
            table.AddColumn(i < left ? column : column.RightAligned().NoWrap());
        }
        return table;
    }

    /// <summary>Adds a row of plain text, never read as markup.</summary>
    public static void Add(this Table table, params string[] cells) => table.AddRow(cells.Select(cell => new Text(cell)));

    /// <summary>A paragraph of plain text, wrapped at the console's width.</summary>
    public static void Say(this IAnsiConsole console, string text, Color? colour = null) =>
        console.Write(new Text(text + "\n", new Style(foreground: colour)));
}
