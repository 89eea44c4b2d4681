using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Reflection;
using ClusterLp.Cli.Commands;
using ClusterLp.Core;
using ClusterLp.Core.Storage;
using ClusterLp.Storage.S3;
using Serilog;

namespace ClusterLp.Cli;

/// <summary>One run of the program: parses, runs the command, and turns every way it can end into an exit code.</summary>
internal static class Application
{
    /// <summary>Name and version, e.g. "clusterlp 0.1.0".</summary>
    public static string Tool => "clusterlp " + Version;

    /// <summary>Such as "0.1.0".</summary>
    public static string Version { get; } =
        typeof(Application).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    /// <returns>An exit code (<see cref="ExitCode"/>).</returns>
    public static async Task<int> RunAsync(string[] args, Terminal terminal, CancellationToken stop)
    {
        ObjectStores.Use("s3", static () => new S3ObjectStore());
        RootCommand root = ClusterLpCommand.Create(terminal, args.FirstOrDefault());
        var invocation = new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
            Output = args.Length == 0 ? terminal.RawError : terminal.RawOut,
            Error = terminal.RawError,
        };
        // Response files are off: tensor names may begin with @.
        ParseResult parse = root.Parse(args.Length == 0 ? ["--help"] : args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parse.Action is ParseErrorAction)
            return RefuseUsage(parse, terminal);
        bool verbose = parse.GetValue(CommonOptions.Verbose);
        try
        {
            terminal.LogsJson = parse.GetValue(CommonOptions.LogFormat) == LogFormat.Json;
            Log.Logger = LogSetup.Create(parse, terminal);
            int code = await parse.InvokeAsync(invocation, stop);
            return args.Length == 0 ? (int)ExitCode.Usage : code;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return Complain(terminal, ExitCode.Interrupted, "interrupted; no output was written.");
        }
        catch (ClusterLpException e)
        {
            if (verbose && e.InnerException is not null)
                ShowTrace(terminal, e);
            return Complain(terminal, e.Code, e.Message);
        }
        catch (Exception e)
        {
            Exception cause = e is AggregateException { InnerExceptions.Count: 1 } ? e.InnerException! : e;
            if (verbose)
                ShowTrace(terminal, cause);
            return Complain(terminal, ExitCode.Internal, $"internal error: {OneLine(cause.Message)} ({cause.GetType().Name})"
                + (verbose ? "" : "; run again with --verbose for the stack trace."));
        }
        finally
        {
            await Log.CloseAndFlushAsync();
        }
    }

    private static int RefuseUsage(ParseResult parse, Terminal terminal)
    {
        // A mistyped command comes with a second error, that no command was given.
        bool mistyped = parse.UnmatchedTokens.Count > 0;
        foreach (ParseError error in parse.Errors.Where(error => !mistyped || error.Message.Contains(parse.UnmatchedTokens[0], StringComparison.Ordinal)))
            Complain(terminal, ExitCode.Usage, OneLine(error.Message));
        var path = new List<string>();
        for (SymbolResult? result = parse.CommandResult; result is CommandResult { Command: not RootCommand } command; result = result.Parent)
            path.Insert(0, command.Command.Name);
        terminal.RawError.WriteLine($"Try '{string.Join(' ', ["clusterlp", .. path, "--help"])}'.");
        return (int)ExitCode.Usage;
    }

    private static void ShowTrace(Terminal terminal, Exception e)
    {
        if (terminal.LogsJson)
            Log.Debug(e, "stack trace");
        else
            terminal.RawError.WriteLine(e);
    }

    private static int Complain(Terminal terminal, ExitCode code, string sentence)
    {
        if (terminal.LogsJson)
            Log.Error("{error:l} (exit {exit})", sentence, (int)code);
        else
            terminal.RawError.WriteLine($"clusterlp: error: {sentence}");
        return (int)code;
    }

    private static string OneLine(string text) => string.Join(' ', text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
}
