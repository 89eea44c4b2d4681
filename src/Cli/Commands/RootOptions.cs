using System.CommandLine;
using ClusterLp.Cli.Hosting;
using ClusterLp.Core.Jobs;

namespace ClusterLp.Cli.Commands;

/// <summary>Where paths that come from a job file, or over the network, may lead.</summary>
internal sealed class RootOptions
{
    private const string Variable = "CLUSTERLP_ROOTS";

    private readonly Option<string[]> _roots = new("--root")
    {
        Description = $"Folder that paths of the job must lie in; repeatable; else ${Variable}, colon-separated (default: anywhere on loopback; the current folder and --job-dir otherwise).",
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
            : Environment.GetEnvironmentVariable(Variable)?.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries) ?? [];
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
}
