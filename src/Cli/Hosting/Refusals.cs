using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Serilog;

namespace ClusterLp.Cli.Hosting;

/// <summary>
/// Says in one line who was refused and why. A peer that keeps trying is mentioned once a minute, so that it cannot fill the
/// log. Thread-safe.
/// </summary>
internal static class Refusals
{
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(1);
    private const int MostRemembered = 1024, LongestReason = 240;
    private static readonly ConcurrentDictionary<(string Peer, string Reason), DateTime> Said = new();

    /// <param name="peer">HOST:PORT of the other end; its port does not make it another peer.</param>
    /// <param name="reason">What was wrong with it.</param>
    public static void Report(string peer, string reason)
    {
        DateTime now = DateTime.UtcNow;
        reason = Printable(reason);
        string host = IPEndPoint.TryParse(peer, out IPEndPoint? socket) ? Plain(socket.Address).ToString() : peer;
        if (Said.TryGetValue((host, reason), out DateTime last) && now - last < Silence)
            return;
        if (Said.Count >= MostRemembered)
            Said.Clear();
        Said[(host, reason)] = now;
        Log.Warning("refused {Peer}: {Reason}", socket is null ? peer : string.Create(CultureInfo.InvariantCulture, $"{host}:{socket.Port}"), reason);
    }

    // Part of it may be the peer's own words, which must not write lines or move the cursor.
    private static string Printable(string reason) =>
        string.Concat(reason.Take(LongestReason).Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c));

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
