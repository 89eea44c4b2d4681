using System.CommandLine;
using System.Globalization;
using ClusterLp.Cli.Commands;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting;
using Serilog.Formatting.Compact;
using Serilog.Formatting.Display;
using Serilog.Parsing;
using Spectre.Console;

namespace ClusterLp.Cli;

/// <summary>Logs go to standard error, as text or as one JSON object a line; never to standard output.</summary>
internal static class LogSetup
{
    private const string Line = "{Timestamp:HH:mm:ss} {Level:u3} {Message:lj}{NewLine}{Exception}";

    /// <summary>
    /// Level: debug with --verbose, errors with --quiet, information for the long-running <c>coordinator</c> and
    /// <c>worker</c> and for JSON, which carries progress too; warnings otherwise.
    /// </summary>
    public static ILogger Create(ParseResult parse, Terminal terminal)
    {
        LogEventLevel level = parse.GetValue(CommonOptions.Verbose) ? LogEventLevel.Debug
            : parse.GetValue(CommonOptions.Quiet) ? LogEventLevel.Error
            : terminal.LogsJson || parse.CommandResult.Command.Name is "coordinator" or "worker" ? LogEventLevel.Information
            : LogEventLevel.Warning;
        ITextFormatter formatter = terminal.LogsJson
            ? new JsonEvents()
            : new MessageTemplateTextFormatter(Line, CultureInfo.InvariantCulture);
        return new LoggerConfiguration().MinimumLevel.Is(level).Enrich.FromLogContext()
            .WriteTo.Sink(new StandardErrorSink(terminal, formatter)).CreateLogger();
    }

    /// <summary>
    /// Events with their message as text logs have it (the formatter alone would put strings in quotes) and their fields, less
    /// those in which the actor library speaks of its own parts.
    /// </summary>
    private sealed class JsonEvents : ITextFormatter
    {
        private static readonly HashSet<string> OfTheLibrary =
            ["ActorPath", "LogSource", "SourceContext", "Thread", "Timestamp", "EventId", "Akka.TraceId", "Akka.SpanId", "Akka.TraceFlags"];
        private static readonly MessageTemplateTextFormatter Message = new("{Message:lj}", CultureInfo.InvariantCulture);
        private readonly RenderedCompactJsonFormatter _formatter = new();

        public void Format(LogEvent logEvent, TextWriter output)
        {
            var message = new StringWriter(CultureInfo.InvariantCulture);
            Message.Format(logEvent, message);
            var template = new MessageTemplate(logEvent.MessageTemplate.Text, [new TextToken(message.ToString())]);
            _formatter.Format(new LogEvent(logEvent.Timestamp, logEvent.Level, logEvent.Exception, template,
                logEvent.Properties.Where(field => !OfTheLibrary.Contains(field.Key)).Select(field => new LogEventProperty(field.Key, field.Value))), output);
        }
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
                if (terminal.ErrorIsTerminal && !terminal.LogsJson)
                    terminal.Error.Write(new Text(text.ToString()));
                else
                    terminal.RawError.Write(text.ToString());
            }
        }
    }
}
