namespace ClusterLp.Core.Formats.Npy;

/// <summary>Reads the one-level Python dictionary literal of a .npy header, its values left as source text.</summary>
internal static class PythonDictionary
{
    /// <summary>Key to value text ("'&lt;f4'", "False", "(3, 4)"); null where the text is no such dictionary or a key occurs twice.</summary>
    public static Dictionary<string, string>? Parse(string text)
    {
        text = text.Trim();
        if (text.Length < 2 || text[0] != '{' || text[^1] != '}')
            return null;
        var fields = new Dictionary<string, string>();
        foreach (string item in SplitAtDepthZero(text[1..^1], ','))
        {
            if (item.Length == 0)
                continue;
            string[] pair = [.. SplitAtDepthZero(item, ':')];
            if (pair.Length != 2 || pair[0].Length < 2 || pair[0][0] is not ('\'' or '"') || pair[0][^1] != pair[0][0])
                return null;
            if (!fields.TryAdd(pair[0][1..^1], pair[1]))
                return null;
        }
        return fields;
    }

    private static IEnumerable<string> SplitAtDepthZero(string text, char separator)
    {
        int depth = 0, start = 0;
        char quote = '\0';
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (quote != '\0')
                quote = c == quote ? '\0' : quote;
            else if (c is '\'' or '"')
                quote = c;
            else if (c is '(' or '[' or '{')
                depth++;
            else if (c is ')' or ']' or '}')
                depth--;
            else if (c == separator && depth == 0)
            {
                yield return text[start..i].Trim();
                start = i + 1;
            }
        }
        yield return text[start..].Trim();
    }
}
