using System.Net;
using System.Net.Sockets;

namespace ClusterLp.Cluster.Tests.Storage;

/// <summary>
/// A network that breaks: passes bytes between clients and a server, and closes each of the first <paramref name="cuts"/>
/// connections after <paramref name="after"/> bytes in either direction.
/// </summary>
internal sealed class CuttingProxy : IDisposable
{
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(2);

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly int _target;
    private readonly long _after;
    private int _cuts;
    private long _passed;

    public CuttingProxy(int target, int cuts, long after)
    {
        (_target, _cuts, _after) = (target, cuts, after);
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Bytes passed, both directions together.</summary>
    public long Passed => Interlocked.Read(ref _passed);

    public int CutsLeft => Math.Max(0, Volatile.Read(ref _cuts));

    public void Dispose()
    {
        _stopping.Cancel();
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (!_stopping.IsCancellationRequested)
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stopping.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using TcpClient near = client, far = new();
        await far.ConnectAsync(IPAddress.Loopback, _target);
        using var cut = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        Task upwards = PassAsync(near, far, cut), downwards = PassAsync(far, near, cut);
        await Task.WhenAny(upwards, downwards);
        await Task.WhenAny(Task.WhenAll(upwards, downwards), Task.Delay(Linger));
        cut.Cancel();
    }

    private async Task PassAsync(TcpClient from, TcpClient to, CancellationTokenSource cut)
    {
        byte[] buffer = new byte[1 << 16];
        long passed = 0;
        try
        {
            while (await from.GetStream().ReadAsync(buffer, cut.Token) is var read and > 0)
            {
                passed += read;
                Interlocked.Add(ref _passed, read);
                if (passed > _after && Interlocked.Decrement(ref _cuts) >= 0)
                    break;
                await to.GetStream().WriteAsync(buffer.AsMemory(0, read), cut.Token);
            }
            // What has passed arrives, however much of it lies in the sockets' buffers.
            to.Client.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // The other side has gone.
        }
    }
}
