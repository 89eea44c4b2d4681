using System.Text.Json;
using System.Text.RegularExpressions;

namespace ClusterLp.Cluster.Tests.Operations;

/// <summary>What a Grafana dashboard asks for: the names of metrics, and the labels it groups and filters by.</summary>
internal sealed partial record Query(string Expression, IReadOnlyList<string> Metrics, IReadOnlyList<string> Labels)
{
    private static readonly string[] Words = ["and", "or", "unless", "on", "ignoring", "by", "without", "bool", "offset", "group_left", "group_right"];

    public static IReadOnlyList<Query> OfDashboard(string path)
    {
        using JsonDocument dashboard = JsonDocument.Parse(File.ReadAllText(path));
        return [.. dashboard.RootElement.GetProperty("panels").EnumerateArray()
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray()).Select(target => Parse(target.GetProperty("expr").GetString()!))];
    }

    /// <summary>Takes labels, ranges and functions away from a PromQL expression; what is left of its names are metrics.</summary>
    public static Query Parse(string expression)
    {
        var labels = new List<string>();
        string Gather(Match group, Regex name)
        {
            labels.AddRange(name.Matches(group.Groups[1].Value).Select(match => match.Groups[1].Value));
            return " ";
        }
        string left = Matchers().Replace(expression, group => Gather(group, MatcherName()));
        left = Grouping().Replace(left, group => Gather(group, Name()));
        left = Range().Replace(left, " ");
        left = Function().Replace(left, "(");
        return new Query(expression, [.. Name().Matches(left).Select(match => match.Groups[1].Value).Except(Words)], labels);
    }

    [GeneratedRegex(@"\{([^}]*)\}")]
    private static partial Regex Matchers();

    [GeneratedRegex(@"([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*""")]
    private static partial Regex MatcherName();

    [GeneratedRegex(@"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")]
    private static partial Regex Grouping();

    [GeneratedRegex(@"\[[^\]]*\]")]
    private static partial Regex Range();

    [GeneratedRegex(@"\b[a-z_]+\s*\(")]
    private static partial Regex Function();

    [GeneratedRegex(@"\b([a-zA-Z_:][a-zA-Z0-9_:]*)")]
    private static partial Regex Name();
}
