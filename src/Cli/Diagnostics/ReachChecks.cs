using System.Globalization;
using System.Net;
using System.Net.Sockets;
using ClusterLp.Cli.Operations;
using ClusterLp.Cli.Rendering;
using ClusterLp.Core.Networking;

namespace ClusterLp.Cli.Diagnostics;

/// <summary>What a run would meet outside the process: its ports, its collector, its job directory.</summary>
internal static class ReachChecks
{
    private const long LittleSpace = 1L << 30;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>Whether an address can be listened on.</summary>
    public static Finding Listen(string option, DnsEndPoint address)
    {
        string where = string.Create(CultureInfo.InvariantCulture, $"{address.Host}:{address.Port}");
        try
        {
            using var listener = new TcpListener(ListenAddress.Of(address.Host), address.Port) { ExclusiveAddressUse = true };
            listener.Start();
            return new Finding(option, Verdict.Ok, $"{where} is free");
        }
        catch (SocketException e)
        {
            return new Finding(option, Verdict.Failed, $"{where}: {e.Message}", "choose another address or end what uses it");
        }
    }

    /// <summary>Whether anything takes connections where traces would go.</summary>
    public static async Task<Finding> CollectorAsync(OtlpSettings settings, CancellationToken cancellation)
    {
        string protocol = settings.IsGrpc ? "gRPC" : "HTTP", where = $"{settings.Target.GetLeftPart(UriPartial.Path)} ({protocol})";
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(Patience);
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(settings.Target.Host, settings.Target.Port, patience.Token);
            return new Finding("trace collector", Verdict.Ok, $"{where} takes connections");
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            return new Finding("trace collector", Verdict.Slow, $"{where} cannot be reached: {(e is SocketException ? e.Message : "no answer in 3 s")}",
                "jobs run without, but their traces are lost");
        }
    }

    /// <summary>Whether a job directory can be written, and how much fits.</summary>
    public static Finding JobDirectory(string path)
    {
        string full = Path.GetFullPath(path);
        try
        {
            Directory.CreateDirectory(full);
            string probe = Path.Combine(full, $".doctor-{Environment.ProcessId}");
            File.WriteAllText(probe, "");
            File.Delete(probe);
            long free = new DriveInfo(full).AvailableFreeSpace;
            return free < LittleSpace
                ? new Finding("job directory", Verdict.Slow, $"{Figures.Bytes(free)} free in {full}", "a job needs about as much as its largest tensors, as float32, and their factors")
                : new Finding("job directory", Verdict.Ok, $"{Figures.Bytes(free)} free in {full}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new Finding("job directory", Verdict.Failed, $"{full}: {e.Message}", "make it writable, or choose another");
        }
    }
}
