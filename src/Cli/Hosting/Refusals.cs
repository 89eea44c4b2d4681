using System.Globalization;
using System.Net;
using Serilog;

namespace ClusterLp.Cli.Hosting;

/// <summary>
/// Says in one line who was refused and why. A peer that keeps trying is mentioned once a minute, and no more than a
/// hundred lines are written in one, so that nobody can fill the log. Thread-safe.
/// </summary>
internal static class Refusals
{
    private const int LongestReason = 240, MostLines = 100;
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly Lock Gate = new();
    private static readonly HashSet<(string Peer, string Reason)> Said = [];
    private static DateTime s_since;

    /// <param name="peer">HOST:PORT of the other end; its port does not make it another peer.</param>
    /// <param name="reason">What was wrong with it.</param>
    public static void Report(string peer, string reason)
    {
        reason = Printable(reason);
        string host = IPEndPoint.TryParse(peer, out IPEndPoint? socket) ? Plain(socket.Address).ToString() : Printable(peer);
        if (IsNews(host, reason, out bool last))
            Log.Warning("refused {Peer}: {Reason}", socket is null ? host : string.Create(CultureInfo.InvariantCulture, $"{host}:{socket.Port}"), reason);
        if (last)
            Log.Warning("refused {Count} times within a minute: more are not written until it is over", MostLines);
    }

    private static bool IsNews(string host, string reason, out bool last)
    {
        lock (Gate)
        {
            DateTime now = DateTime.UtcNow;
            if (now - s_since >= Minute)
            {
                Said.Clear();
                s_since = now;
            }
            bool news = Said.Count < MostLines && Said.Add((host, reason));
            last = news && Said.Count == MostLines;
            return news;
        }
    }

    // Part of it may be the peer's own words, which must not write lines or move the cursor.
    private static string Printable(string text) =>
        string.Concat(text.Take(LongestReason).Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c));

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
}
