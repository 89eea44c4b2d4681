using System.CommandLine;

namespace ClusterLp.Cli.Commands;

internal enum LogFormat
{
    Text,
    Json,
}

/// <summary>Options every command takes.</summary>
internal static class CommonOptions
{
    public static readonly Option<bool> Quiet = new("--quiet", "-q") { Description = "No progress, and no log lines below errors.", Recursive = true };

    public static readonly Option<bool> Verbose = new("--verbose") { Description = "Log in detail, and show stack traces.", Recursive = true };

    public static readonly Option<LogFormat> LogFormat = OptionParsers.Word<LogFormat>("--log-format", "How log lines are written to standard error: text (default) or json.", recursive: true);

    /// <summary>Not shared by every command, but always meant the same.</summary>
    public static Option<bool> Json() => new("--json") { Description = "Write one JSON object to standard output instead of a table." };
}
