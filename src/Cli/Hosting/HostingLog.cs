using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Extensions.Logging;

namespace ClusterLp.Cli.Hosting;

/// <summary>Where the actor systems of this process log to: the process' log, less what Akka says of itself.</summary>
internal static class HostingLog
{
    /// <summary>
    /// Writes to <see cref="Log.Logger"/> as it is when a line comes: it learns meanwhile which job it is about. Below debug level Akka is heard from warnings up and its transport
    /// not at all: it reports each lost or refused connection with stack traces, where coordinator and worker say it in a
    /// line, and <see cref="TransportLog"/> who was refused.
    /// </summary>
    public static ILoggerFactory Create()
    {
        bool debug = Log.IsEnabled(LogEventLevel.Debug);
        LoggerConfiguration configuration = new LoggerConfiguration().MinimumLevel.Verbose()
            .WriteTo.Sink(new TransportLog())
            .WriteTo.Logger(rest =>
            {
                if (!debug)
                    rest.Filter.ByExcluding(line => IsOfAkka(line) || TransportLog.IsOfConnection(line));
                rest.MinimumLevel.Verbose().WriteTo.Sink(new ProcessLog());
            });
        return new SerilogLoggerFactory(configuration.CreateLogger(), dispose: true);
    }

    private sealed class ProcessLog : ILogEventSink
    {
        public void Emit(LogEvent logEvent) => Log.Write(logEvent);
    }

    private static bool IsOfAkka(LogEvent line)
    {
        if (line.Exception?.GetType().Namespace?.StartsWith("Akka.Remote", StringComparison.Ordinal) == true)
            return true;
        string actor = line.Properties.TryGetValue("ActorPath", out LogEventPropertyValue? value) && value is ScalarValue { Value: string path } ? path : "";
        return !actor.Contains("/user/", StringComparison.Ordinal)
            && (line.Level < LogEventLevel.Warning || actor.Contains("/system/endpointManager", StringComparison.Ordinal)
                || actor.Contains("/joinSeedNodeProcess", StringComparison.Ordinal));
    }
}
