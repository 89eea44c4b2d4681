using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Events;
using Serilog.Extensions.Logging;

namespace ClusterLp.Cli.Hosting;

/// <summary>Where the actor systems of this process log to. Set before the first one starts.</summary>
public static class HostingLog
{
    private static ILoggerFactory? _factory;

    /// <summary>Lines on stderr from <see cref="LogEventLevel.Warning"/> up, unless set.</summary>
    public static ILoggerFactory Factory
    {
        get => _factory ??= ToStandardError(LogEventLevel.Warning);
        set => _factory = value;
    }

    /// <summary>Serilog's console sink on stderr (stdout belongs to results).</summary>
    public static ILoggerFactory ToStandardError(LogEventLevel level) => new SerilogLoggerFactory(
        new LoggerConfiguration()
            .MinimumLevel.Is(level)
            .WriteTo.Console(standardErrorFromLevel: LogEventLevel.Verbose, formatProvider: System.Globalization.CultureInfo.InvariantCulture)
            .CreateLogger(),
        dispose: true);
}
