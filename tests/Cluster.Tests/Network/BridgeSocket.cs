using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ClusterLp.Cluster.Tests.Network;

/// <summary>
/// A socket of this process in another network namespace. A socket belongs to the namespace of the thread that made it and
/// stays there, as do the connections it accepts: so the test itself can serve nodes, and nothing outside sees it.
/// </summary>
internal static class BridgeSocket
{
    private const int NetworkNamespace = 0x40000000;

    /// <summary>A TCP socket that is bound, and does not listen yet.</summary>
    /// <param name="name">The namespace, by its name.</param>
    /// <param name="at">An address there.</param>
    public static Socket Bind(string name, EndPoint at)
    {
        Socket? socket = null;
        Exception? failure = null;
        // A thread of its own, which ends there: none of the pool's may be left in another network.
        var thread = new Thread(() =>
        {
            try
            {
                using SafeFileHandle there = File.OpenHandle("/run/netns/" + name);
                if (SetNamespace(there, NetworkNamespace) != 0)
                    throw new Win32Exception(Marshal.GetLastPInvokeError());
                socket = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(at);
            }
            catch (Exception e)
            {
                failure = e;
            }
        }) { Name = "bridge socket" };
        thread.Start();
        thread.Join();
        return failure is null ? socket! : throw new InvalidOperationException($"no socket at {at} in {name}: {failure.Message}", failure);
    }

    [DllImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static extern int SetNamespace(SafeFileHandle there, int kind);
}
