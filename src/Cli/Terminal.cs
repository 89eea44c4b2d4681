using Spectre.Console;

namespace ClusterLp.Cli;

/// <summary>Where a command writes: results to <paramref name="Out"/>, progress, logs and complaints to <paramref name="Error"/>.</summary>
internal sealed record Terminal(IAnsiConsole Out, IAnsiConsole Error)
{
    /// <summary>Standard output and error of this process.</summary>
    public static Terminal OfProcess() => new(On(Console.Out), On(Console.Error));

    /// <summary>Standard output without wrapping or markup, for JSON and scripts.</summary>
    public TextWriter RawOut => Out.Profile.Out.Writer;

    /// <summary>Standard error without wrapping or markup.</summary>
    public TextWriter RawError => Error.Profile.Out.Writer;

    private static IAnsiConsole On(TextWriter writer) => AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer) });
}
