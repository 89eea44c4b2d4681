using ClusterLp.Core;
using Spectre.Console;

// The process has one log and one kernel set, and a job uses all cores anyway.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace ClusterLp.Cli.Tests;

/// <summary>Runs the program in this process, with both streams captured.</summary>
internal sealed record CommandLine(ExitCode Code, string Out, string Error)
{
    public static Task<CommandLine> RunAsync(params string[] arguments) => RunAsync(CancellationToken.None, arguments);

    public static async Task<CommandLine> RunAsync(CancellationToken stop, params string[] arguments)
    {
        StringWriter output = new(), error = new();
        int code = await Application.RunAsync(arguments, new Terminal(Console(output), Console(error)), stop);
        return new CommandLine((ExitCode)code, output.ToString(), error.ToString());
    }

    /// <summary>An output that verify, evaluate and report read, beside the model it was made from.</summary>
    public static async Task AssertReadsBackAsync(string output, string model, string page)
    {
        foreach (string[] arguments in new string[][] { ["verify", output, "--against", model], ["evaluate", output, "--against", model], ["report", output, "--against", model, "--output", page] })
        {
            CommandLine read = await RunAsync(arguments);
            Assert.True(read.Code == ExitCode.Done, $"{arguments[0]}: {read.Out}{read.Error}");
        }
    }

    /// <summary>A console of a fixed width that is no terminal.</summary>
    public static IAnsiConsole Console(TextWriter writer, int width = 80)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer), Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors,
        });
        console.Profile.Width = width;
        return console;
    }
}

/// <summary>A folder of a test's own, removed with it.</summary>
internal sealed class Folder : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("clusterlp-cli-tests-");

    public string Root => _directory.FullName;

    public string this[string name] => Path.Combine(Root, name);

    public string Write(string name, string text)
    {
        File.WriteAllText(this[name], text);
        return this[name];
    }

    /// <summary>A float32 .npy of low rank plus heavy-tailed noise.</summary>
    public string WriteMatrix(string name, int rows, int columns, ulong seed = 1)
    {
        var random = new Random((int)seed);
        double[] direction = [.. Enumerable.Range(0, columns).Select(_ => random.NextDouble() - 0.5)];
        string header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}".PadRight(117) + "\n";
        using var file = new BinaryWriter(File.Create(this[name]));
        file.Write([0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. System.Text.Encoding.ASCII.GetBytes(header)]);
        for (int i = 0; i < rows; i++)
        {
            double scale = random.NextDouble() * 10;
            for (int j = 0; j < columns; j++)
                file.Write((float)(scale * direction[j] + Math.Pow(random.NextDouble() - 0.5, 3) * (random.Next(50) == 0 ? 100 : 1)));
        }
        return this[name];
    }

    public void Dispose() => _directory.Delete(recursive: true);
}
