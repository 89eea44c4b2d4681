using System.Text;
using Serilog;
using Spectre.Console;

namespace ClusterLp.Cli;

/// <summary>Where a command writes: results to <see cref="Out"/>, progress, logs and complaints to <see cref="Error"/>.</summary>
internal sealed class Terminal
{
    // Made when something is drawn: finding out what a terminal can do is a part of a small job's start.
    private readonly Lazy<IAnsiConsole> _out, _error;

    /// <param name="results">Standard output.</param>
    /// <param name="error">Standard error.</param>
    public Terminal(IAnsiConsole results, IAnsiConsole error)
    {
        (_out, _error) = (new(results), new(error));
        (RawOut, RawError, ErrorIsTerminal) = (results.Profile.Out.Writer, error.Profile.Out.Writer, error.Profile.Out.IsTerminal);
    }

    private Terminal(TextWriter results, TextWriter error)
    {
        _out = new(() => On(new StandardOutput(results)));
        _error = new(() => On(new AnsiConsoleOutput(error)));
        (RawOut, RawError, ErrorIsTerminal) = (results, error, !Console.IsErrorRedirected);
    }

    /// <summary>
    /// Standard output and error of this process. From here on <see cref="Console.Out"/> is standard error, so that nothing
    /// but a command's own result (no library's last words) can come between the lines of its JSON.
    /// </summary>
    public static Terminal OfProcess()
    {
        TextWriter results = Console.Out;
        Console.SetOut(Console.Error);
        return new Terminal(results, Console.Error);
    }

    public IAnsiConsole Out => _out.Value;

    public IAnsiConsole Error => _error.Value;

    /// <summary>Standard output without wrapping or markup, for JSON and scripts.</summary>
    public TextWriter RawOut { get; }

    /// <summary>Standard error without wrapping or markup.</summary>
    public TextWriter RawError { get; }

    /// <summary>Whether a person looks at standard error.</summary>
    public bool ErrorIsTerminal { get; }

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
