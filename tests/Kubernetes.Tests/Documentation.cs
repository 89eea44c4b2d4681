using System.Text.RegularExpressions;

namespace ClusterLp.Kubernetes.Tests;

/// <summary>What docs/kubernetes.md tells people to type.</summary>
internal static partial class Documentation
{
    private static readonly string Text = File.ReadAllText(Repository.PathOf("docs/kubernetes.md"));

    /// <summary>Code blocks of a language; "" for commands.</summary>
    public static IEnumerable<string> Blocks(string language) =>
        Fence().Matches(Text).Where(match => match.Groups[1].Value == language).Select(match => match.Groups[2].Value);

    /// <summary>Without the comments behind them.</summary>
    public static IEnumerable<string> Commands => Blocks("").SelectMany(block => block.Split('\n', StringSplitOptions.RemoveEmptyEntries)).Select(line => line.Split(" #")[0].TrimEnd());

    /// <summary>The arguments of the one <c>./clusterlp certs</c>.</summary>
    public static string[] Certs => Words(Commands.Single(command => command.StartsWith("./clusterlp certs ", StringComparison.Ordinal)))[1..];

    /// <summary>Secrets as they are to be made: name, and keys with their values or the files they come from.</summary>
    public static Dictionary<string, Dictionary<string, string>> Secrets => Commands.Where(command => command.StartsWith("kubectl create secret ", StringComparison.Ordinal))
        .Select(Words).ToDictionary(
            words => words[4],
            words => words.Where(word => word.StartsWith("--from-", StringComparison.Ordinal)).Select(word => word.Split('=')).ToDictionary(parts => parts[1], parts => parts[2]));

    // Quotes around a word, and none within.
    private static string[] Words(string command) => [.. command.Split(' ').Select(word => word.Trim('\''))];

    [GeneratedRegex("^```(\\w*)\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
