using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace ClusterLp.Cluster.Tests.Network;

/// <summary>
/// A node's line through this process: two TAP devices, the node's <c>eth0</c> and its port of the bridge, between which
/// frames are carried late, in order, or not at all.
/// </summary>
internal sealed class SlowLine : IDisposable
{
    private const int ReadWrite = 2, LargestFrame = 65536;
    private const short Readable = 1;
    private const uint SetInterface = 0x400454ca;
    private const short TapWithoutHeader = 0x0002 | 0x1000;

    private static int s_lines;
    private readonly SafeFileHandle[] _ends;
    private readonly Queue<(long Due, byte[] Frame)>[] _onTheWay = [new(), new()];
    private readonly Random _luck = new(77);
    private readonly Thread _carrier;
    private long _delay;
    private double _loss;
    private volatile bool _stopping;

    public SlowLine(NetworkLab.Node node, string hub)
    {
        string stem = string.Create(CultureInfo.InvariantCulture, $"t{Environment.ProcessId}n{Interlocked.Increment(ref s_lines)}");
        _ends = [Open(stem + "a"), Open(stem + "b")];
        NetworkLab.Ip("link", "set", stem + "a", "netns", node.Namespace, "name", "eth0");
        NetworkLab.Ip("link", "set", stem + "b", "netns", hub, "name", node.Port);
        _carrier = new Thread(Carry) { IsBackground = true, Name = "slow line" };
        _carrier.Start();
    }

    /// <summary>Holds for frames from now on.</summary>
    /// <param name="delay">Of every frame.</param>
    /// <param name="loss">Share of frames lost, 0 to 1.</param>
    public void Set(TimeSpan delay, double loss)
    {
        Volatile.Write(ref _delay, (long)(delay.TotalSeconds * Stopwatch.Frequency));
        Volatile.Write(ref _loss, loss);
    }

    public void Dispose()
    {
        _stopping = true;
        _carrier.Join();
        foreach (SafeFileHandle end in _ends)
            end.Dispose();
    }

    private void Carry()
    {
        var buffer = new byte[LargestFrame];
        var polled = new PollEntry[2];
        while (!_stopping)
        {
            for (int end = 0; end < 2; end++)
                polled[end] = new PollEntry { File = (int)_ends[end].DangerousGetHandle(), Events = Readable };
            _ = Poll(polled, 2, _onTheWay.Any(queue => queue.Count > 0) ? 1 : 50);
            for (int end = 0; end < 2; end++)
            {
                if ((polled[end].Returned & Readable) == 0)
                    continue;
                long length = Read(_ends[end], buffer, LargestFrame);
                if (length > 0 && _luck.NextDouble() >= Volatile.Read(ref _loss))
                    _onTheWay[end].Enqueue((Stopwatch.GetTimestamp() + Volatile.Read(ref _delay), buffer[..(int)length]));
            }
            for (int end = 0; end < 2; end++)
                while (_onTheWay[end].TryPeek(out var next) && next.Due <= Stopwatch.GetTimestamp())
                    // A device that is down takes nothing: the frame is lost, as on a wire.
                    _ = Write(_ends[1 - end], _onTheWay[end].Dequeue().Frame, next.Frame.Length);
        }
    }

    private static SafeFileHandle Open(string name)
    {
        SafeFileHandle file = OpenFile("/dev/net/tun", ReadWrite);
        var request = new byte[40];
        Encoding.ASCII.GetBytes(name, request);
        BitConverter.TryWriteBytes(request.AsSpan(16), TapWithoutHeader);
        if (file.IsInvalid || Control(file, SetInterface, request) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        return file;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int File;
        public short Events, Returned;
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern SafeFileHandle OpenFile(string path, int flags);

    [DllImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static extern int Control(SafeFileHandle file, nuint request, byte[] argument);

    [DllImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static extern int Poll([In, Out] PollEntry[] entries, nuint count, int milliseconds);

    [DllImport("libc", EntryPoint = "read", SetLastError = true)]
    private static extern nint Read(SafeFileHandle file, byte[] buffer, nint count);

    [DllImport("libc", EntryPoint = "write", SetLastError = true)]
    private static extern nint Write(SafeFileHandle file, byte[] buffer, nint count);
}
