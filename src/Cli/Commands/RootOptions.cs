using System.CommandLine;
using System.Text.RegularExpressions;
using ClusterLp.Cli.Hosting;
using ClusterLp.Core.Jobs;

namespace ClusterLp.Cli.Commands;

/// <summary>Where paths that come from a job file, or over the network, may lead.</summary>
internal sealed partial class RootOptions
{
    private const string Variable = "CLUSTERLP_ROOTS";

    private readonly Option<string[]> _roots = new("--root")
    {
        Description = $"Folder, or s3://BUCKET/PREFIX, that paths of the job must lie in; repeatable; else ${Variable}, colon-separated (default: anywhere on loopback; the current folder and --job-dir otherwise).",
        HelpName = "DIR",
    };

    public void AddTo(Command command) => command.Options.Add(_roots);

    /// <param name="parse">The command line.</param>
    /// <param name="jobDirectory">What it names as the job directory itself: always allowed; null: nothing.</param>
    /// <param name="hosts">The addresses of both ends.</param>
    /// <exception cref="Core.ClusterLpException">A root does not exist (exit 66).</exception>
    public PathRoots Read(ParseResult parse, string? jobDirectory, params ReadOnlySpan<string> hosts)
    {
        string[] asked = parse.GetValue(_roots) is { Length: > 0 } given
            ? given
            : [.. Separator().Split(Environment.GetEnvironmentVariable(Variable) ?? "").Where(root => root.Length > 0)];
        if (asked.Length == 0)
        {
            bool local = true;
            foreach (string host in hosts)
                local &= NodeConfig.IsLoopback(host);
            if (local)
                return PathRoots.Anywhere;
            asked = [Directory.GetCurrentDirectory()];
        }
        return PathRoots.Within(asked, jobDirectory);
    }

    // A colon, but not that of an address.
    [GeneratedRegex(@":(?!//)")]
    private static partial Regex Separator();
}
