using System.Globalization;
using ClusterLp.Core.Reporting;
using Spectre.Console;

namespace ClusterLp.Cli.Rendering;

/// <summary>The archetypes of a simplex by the rows nearest to each: those with the largest weight on it.</summary>
internal static class ArchetypeWords
{
    /// <summary>Beyond this many a terminal is not told.</summary>
    private const int MostPrinted = 20;

    private const int MostCharacters = 40;

    /// <summary>A line each: "row 17 (0.98), row 4 (0.91)", or the words in place of the rows.</summary>
    public static IEnumerable<string> Of(SimplexReport simplex) => simplex.Archetypes.Select(rows => rows.IsEmpty ? "no row" : string.Join(", ", rows.Select(Row)));

    /// <summary>As a table of the first of them, and what is not shown.</summary>
    public static void Write(IAnsiConsole console, SimplexReport simplex)
    {
        Table table = Tables.Create(2, "archetype", "rows with the largest weight on it");
        foreach ((int index, string line) in Of(simplex).Take(MostPrinted).Index())
            table.Add(index.ToString(CultureInfo.InvariantCulture), line);
        console.Write(table);
        if (simplex.Archetypes.Length > MostPrinted)
            console.Say($" {simplex.Archetypes.Length - MostPrinted} more are in clusterlp.json and on the page that report draws.");
    }

    private static string Row(NearRow row) =>
        string.Create(CultureInfo.InvariantCulture, $"{(row.Word is { } word ? Printable(word) : $"row {row.Row}")} ({row.Weight:F2})");

    /// <summary>A token on one line: it may be a tab or an escape sequence.</summary>
    public static string Printable(string token) =>
        string.Concat(token.Take(MostCharacters).Select(c => char.IsControl(c) ? $"\\u{(int)c:x4}" : c.ToString())) is { Length: > 0 } text && text.Trim().Length > 0 ? text : $"\"{token}\"";
}
