using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests;

/// <summary>A process of the built <c>clusterlp</c>, ended (by its id) at the latest when disposed.</summary>
internal sealed class ClusterLpProcess : IDisposable
{
    public const int Interrupt = 2, Terminate = 15, Continue = 18, Stop = 19;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    // ./test names the precompiled program that users run: it starts in less than half the time. Else it is the one built with the tests.
    private static readonly string Program =
        Environment.GetEnvironmentVariable("CLUSTERLP_PROGRAM") ?? Path.Combine(AppContext.BaseDirectory, "clusterlp.dll");

    // Below the ports that systems give to whoever names none: nobody else's connection takes one while its owner is down.
    private const int FirstPort = 12000, Ports = 18000;
    private static int s_port = Environment.ProcessId * 97;

    private readonly Process _process;
    private readonly StringBuilder _said = new();
    private readonly Task<string> _output;
    private readonly Task<string> _error;

    private ClusterLpProcess(IEnumerable<string> launcher, IEnumerable<KeyValuePair<string, string>> environment, string[] arguments)
        : this([.. launcher, Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", Program, .. arguments], environment)
    {
    }

    private ClusterLpProcess(string[] command, IEnumerable<KeyValuePair<string, string>> environment)
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        // Many processes share the cores here: a thread without work shall not spin. Saves a fifth of their processor time.
        start.Environment["DOTNET_ThreadPool_UnfairSemaphoreSpinLimit"] = "0";
        // The last bits depend on it, and factors are compared with those of pods, which inherit no environment.
        start.Environment.Remove("OPENBLAS_CORETYPE");
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        _process = Process.Start(start)!;
        _output = _process.StandardOutput.ReadToEndAsync();
        _error = ListenAsync();
    }

    public static ClusterLpProcess Start(params string[] arguments) => new([], [], arguments);

    /// <param name="launcher">Command and arguments put before the program's; it must replace itself by it (exec).</param>
    /// <param name="environment">Set for the process beside the test's own.</param>
    /// <param name="arguments">The program's.</param>
    public static ClusterLpProcess StartBy(
        IEnumerable<string> launcher, IEnumerable<KeyValuePair<string, string>> environment, params string[] arguments) => new(launcher, environment, arguments);

    /// <summary>Another build of the program, by its whole command; launchers replace themselves by it (exec).</summary>
    public static ClusterLpProcess StartCommand(params string[] command) => new(command, []);

    /// <summary>With more environment variables, such as failpoints.</summary>
    public static ClusterLpProcess Start(IReadOnlyDictionary<string, string> environment, params string[] arguments) => new([], environment, arguments);

    /// <summary>A port of loopback that is free, and is given to no other test of this run.</summary>
    public static int FreePort()
    {
        while (true)
        {
            int port = FirstPort + (int)((uint)Interlocked.Increment(ref s_port) % Ports);
            using var socket = new TcpListener(IPAddress.Loopback, port);
            try
            {
                socket.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody else's.
            }
        }
    }

    /// <summary>Runs to the end.</summary>
    /// <returns>What it wrote on standard output.</returns>
    public static async Task<string> RunAsync(ExitCode expected, params string[] arguments)
    {
        using var process = Start(arguments);
        return await process.ExpectAsync(expected);
    }

    /// <summary>Waits for the process to end by itself; its standard error is part of the failure if the code is another.</summary>
    /// <returns>What it wrote on standard output.</returns>
    public async Task<string> ExpectAsync(ExitCode expected)
    {
        using var patience = new CancellationTokenSource(Patience);
        string what = string.Join(' ', _process.StartInfo.ArgumentList.SkipWhile(argument => argument != Program).Skip(1));
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            Kill();
            Assert.Fail($"clusterlp {what} did not end within {Patience.TotalSeconds} s.\n{await _error}");
        }
        Assert.True((int)expected == _process.ExitCode, $"clusterlp {what} exited with {_process.ExitCode}, not {(int)expected}.\n{await _error}");
        return await _output;
    }

    public bool HasEnded => _process.HasExited;

    /// <summary>Its exit code, once it has ended; 128 and the signal's number where one ended it.</summary>
    public int EndedWith => _process.ExitCode;

    /// <summary>After a kill.</summary>
    public void WaitForEnd() => _process.WaitForExit();

    /// <summary>What it wrote on standard error; once it has ended.</summary>
    public Task<string> ErrorAsync() => _error;

    /// <summary>Waits until a text has appeared on its standard error, <paramref name="times"/> times.</summary>
    public Task UntilItSaysAsync(string text, int times = 1) => JobPaths.UntilAsync(() => Said().Split(text).Length > times, $"'{text}'", Said);

    /// <summary>What it has written on standard error so far.</summary>
    public string Said()
    {
        lock (_said)
            return _said.ToString();
    }

    private async Task<string> ListenAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
            lock (_said)
                _said.AppendLine(line);
        return Said();
    }

    /// <summary>SIGKILL: no chance to say goodbye.</summary>
    public void Kill() => _process.Kill();

    public void Signal(int signal) => Assert.Equal(0, SendSignal(_process.Id, signal));

    /// <summary>
    /// Whether the process ignores a signal, as it does with SIGINT where whoever started the tests does (a shell, for what
    /// runs in the background): the disposition is inherited.
    /// </summary>
    public bool Ignores(int signal)
    {
        string status = $"/proc/{_process.Id}/status";
        string? mask = File.Exists(status) ? File.ReadLines(status).FirstOrDefault(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)) : null;
        return mask is not null && (Convert.ToUInt64(mask["SigIgn:".Length..].Trim(), 16) >> (signal - 1) & 1) != 0;
    }

    /// <summary>Most memory it has had resident so far; 0 where that cannot be told any more.</summary>
    public double PeakBytes()
    {
        try
        {
            string? line = File.ReadLines($"/proc/{_process.Id}/status").FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line is null ? 0 : 1024 * double.Parse(line["VmHWM:".Length..].Replace("kB", ""), CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }
        _process.Dispose();
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int SendSignal(int pid, int signal);
}
