using System.Text;
using Serilog;
using Spectre.Console;

namespace ClusterLp.Cli;

/// <summary>Where a command writes: results to <paramref name="Out"/>, progress, logs and complaints to <paramref name="Error"/>.</summary>
internal sealed record Terminal(IAnsiConsole Out, IAnsiConsole Error)
{
    /// <summary>
    /// Standard output and error of this process. From here on <see cref="Console.Out"/> is standard error, so that nothing
    /// but a command's own result (no library's last words) can come between the lines of its JSON.
    /// </summary>
    public static Terminal OfProcess()
    {
        IAnsiConsole results = On(new StandardOutput(Console.Out));
        Console.SetOut(Console.Error);
        AnsiConsole.Console = results;
        return new Terminal(results, On(new AnsiConsoleOutput(Console.Error)));
    }

    /// <summary>Standard output without wrapping or markup, for JSON and scripts.</summary>
    public TextWriter RawOut => Out.Profile.Out.Writer;

    /// <summary>Standard error without wrapping or markup.</summary>
    public TextWriter RawError => Error.Profile.Out.Writer;

    /// <summary>Whether what goes to standard error is for a log collector: one JSON object a line, and nothing else.</summary>
    public bool LogsJson { get; set; }

    /// <summary>Tells a person something on standard error; as an event where logs are JSON.</summary>
    public void Note(string line)
    {
        if (LogsJson)
            Log.Information("{note:l}", line);
        else
            RawError.WriteLine($"clusterlp: {line}");
    }

    private static IAnsiConsole On(IAnsiConsoleOutput output) => AnsiConsole.Create(new AnsiConsoleSettings { Out = output });

    // The library recognises standard output by Console.Out, which is no longer it.
    private sealed class StandardOutput(TextWriter writer) : IAnsiConsoleOutput
    {
        private const int RedirectedWidth = 80, RedirectedHeight = 24;

        public TextWriter Writer => writer;
        public bool IsTerminal => !Console.IsOutputRedirected;
        public int Width => IsTerminal && Console.BufferWidth > 0 ? Console.BufferWidth : RedirectedWidth;
        public int Height => IsTerminal && Console.WindowHeight > 0 ? Console.WindowHeight : RedirectedHeight;

        public void SetEncoding(Encoding encoding)
        {
            // Setting it would bring a new Console.Out; UTF-8 is what .NET writes here anyway.
        }
    }
}
