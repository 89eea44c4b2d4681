using System.IO.Enumeration;
using ClusterLp.Core.Formats;

namespace ClusterLp.Core.Jobs;

/// <summary>Resolves tensor names and globs (<c>*</c> any run of characters, <c>?</c> one) against a model.</summary>
internal static class TensorSelection
{
    private const int NamesShown = 5;

    /// <summary>The tensors that a pattern matches, in model order; exact names win over the same text read as a glob.</summary>
    /// <exception cref="ClusterLpException">Nothing matches; lists the nearest names (exit 65).</exception>
    public static IReadOnlyList<TensorInfo> Match(IModel model, string pattern)
    {
        TensorInfo? exact = model.Tensors.FirstOrDefault(tensor => tensor.Name == pattern);
        if (exact is not null)
            return [exact];
        // A backslash escapes in the matcher; in a tensor's name it is a character like any other.
        string literal = pattern.Replace("\\", "\\\\");
        TensorInfo[] matched = IsGlob(pattern)
            ? [.. model.Tensors.Where(tensor => FileSystemName.MatchesSimpleExpression(literal, tensor.Name, ignoreCase: false))]
            : [];
        if (matched.Length > 0)
            return matched;
        IEnumerable<string> near = model.Tensors.Select(tensor => tensor.Name)
            .OrderBy(name => Distance(pattern, name)).ThenBy(name => name, StringComparer.Ordinal).Take(NamesShown);
        throw ClusterLpException.BadInput($"{model.Path}: no tensor matches \"{pattern}\"; the nearest names are {string.Join(", ", near)}.");
    }

    private static bool IsGlob(string pattern) => pattern.AsSpan().IndexOfAny('*', '?') >= 0;

    // Edit distance, where a name that contains the pattern's letters as a run comes first.
    private static int Distance(string pattern, string name)
    {
        string wanted = pattern.Replace("*", "").Replace("?", "");
        if (wanted.Length > 0 && name.Contains(wanted, StringComparison.OrdinalIgnoreCase))
            return 0;
        int[] row = [.. Enumerable.Range(0, name.Length + 1)];
        for (int i = 1; i <= wanted.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= name.Length; j++)
            {
                int replace = diagonal + (wanted[i - 1] == name[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replace, 1 + Math.Min(row[j], row[j - 1]));
            }
        }
        return 1 + row[name.Length];
    }
}
