using System.CommandLine;
using System.Globalization;
using ClusterLp.Cli.Commands;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting;
using Serilog.Formatting.Compact;
using Serilog.Formatting.Display;
using Spectre.Console;

namespace ClusterLp.Cli;

/// <summary>Logs go to standard error, as text or as one JSON object a line; never to standard output.</summary>
internal static class LogSetup
{
    private const string Line = "{Timestamp:HH:mm:ss} {Level:u3} {Message:lj}{NewLine}{Exception}";

    /// <summary>
    /// Level: debug with --verbose, errors with --quiet, information for the long-running <c>coordinator</c> and
    /// <c>worker</c>, warnings otherwise.
    /// </summary>
    public static ILogger Create(ParseResult parse, Terminal terminal)
    {
        LogEventLevel level = parse.GetValue(CommonOptions.Verbose) ? LogEventLevel.Debug
            : parse.GetValue(CommonOptions.Quiet) ? LogEventLevel.Error
            : parse.CommandResult.Command.Name is "coordinator" or "worker" ? LogEventLevel.Information
            : LogEventLevel.Warning;
        ITextFormatter formatter = parse.GetValue(CommonOptions.LogFormat) == LogFormat.Json
            ? new CompactJsonFormatter()
            : new MessageTemplateTextFormatter(Line, CultureInfo.InvariantCulture);
        return new LoggerConfiguration().MinimumLevel.Is(level).Enrich.FromLogContext()
            .WriteTo.Sink(new StandardErrorSink(terminal, formatter)).CreateLogger();
    }

    private sealed class StandardErrorSink(Terminal terminal, ITextFormatter formatter) : ILogEventSink
    {
        private readonly Lock _lock = new();

        public void Emit(LogEvent logEvent)
        {
            var text = new StringWriter(CultureInfo.InvariantCulture);
            formatter.Format(logEvent, text);
            lock (_lock)
            {
                // On a terminal a live bar may be on screen, and only the console knows how to write above it.
                if (terminal.Error.Profile.Out.IsTerminal)
                    terminal.Error.Write(new Text(text.ToString()));
                else
                    terminal.RawError.Write(text.ToString());
            }
        }
    }
}
