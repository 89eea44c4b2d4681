using System.Globalization;

namespace ClusterLp.Core.Faults;

/// <summary>
/// Named moments at which a test of a real process can stop or hurt it. Inert unless the environment variable
/// <c>CLUSTERLP_FAILPOINTS</c> is set when the process starts.
/// </summary>
/// <remarks>
/// <para>
/// The variable holds rules separated by <c>;</c>, each <c>point[/detail]=action[@n[+]]</c>: the n-th time the point is
/// reached (with <c>+</c>: from then on; without <c>@</c>: every time) the action happens. <c>detail</c> is a prefix of what
/// the point says of itself, such as <c>refine-0/3</c> (stage and block).
/// </para>
/// <para>
/// Actions: <c>hold</c> writes the file <c>POINT.hold</c> into the folder <c>CLUSTERLP_FAILPOINTS_DIR</c> and waits until it is
/// deleted; <c>delay:MS</c> waits; <c>fail</c> throws an I/O error; <c>full</c> throws "no space left"; <c>kill</c> ends the
/// process at once. On streams (<see cref="Wrap"/>), <c>fail</c> and <c>full</c> strike half way, <c>short</c> ends the
/// stream half way and <c>flip</c> inverts one bit.
/// </para>
/// </remarks>
public static class Failpoint
{
    // Points, by where they are reached. Details: STAGE/BLOCK, STAGE, or a file's name.
    public const string WorkerBlock = "worker.block", WorkerReport = "worker.report",
        CoordinatorClaim = "coordinator.claim", CoordinatorCommit = "coordinator.commit", CoordinatorCommitted = "coordinator.committed",
        CoordinatorReduce = "coordinator.reduce", CoordinatorReduced = "coordinator.reduced",
        OutputAssemble = "output.assemble", OutputCommit = "output.commit",
        InputRead = "input.read", BlobRead = "blob.read", BlobWrite = "blob.write",
        CheckpointRead = "checkpoint.read", CheckpointWrite = "checkpoint.write", OutputWrite = "output.write";

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(10);
    private static readonly Rule[] Rules = Parse(Environment.GetEnvironmentVariable("CLUSTERLP_FAILPOINTS"));

    /// <summary>Whether any rule is set.</summary>
    public static bool Armed => Rules.Length > 0;

    /// <summary>The process has come to this point: whatever is set for it happens now.</summary>
    public static void Reach(string point, string detail = "")
    {
        if (Armed && Due(point, detail) is { } rule)
            rule.Strike();
    }

    /// <summary>The stream, or one that misbehaves as set for this point. Length: bytes it will pass, if known.</summary>
    public static Stream Wrap(string point, string detail, Stream stream, long length = 0) =>
        Armed && Due(point, detail) is { } rule ? new FaultyStream(stream, rule.Action, length / 2) : stream;

    /// <summary>A read of <paramref name="bytes"/> from a file in place: it may fail, or its bytes change.</summary>
    /// <returns>How many bytes count as read.</returns>
    public static int Read(string point, string detail, Span<byte> bytes)
    {
        if (!Armed || Due(point, detail) is not { } rule)
            return bytes.Length;
        if (rule.Action == "short")
            return bytes.Length / 2;
        if (rule.Action == "flip" && bytes.Length > 0)
            bytes[bytes.Length / 2] ^= 0x10;
        else
            rule.Strike();
        return bytes.Length;
    }

    private static Rule? Due(string point, string detail) =>
        Array.Find(Rules, rule => rule.Point == point && detail.StartsWith(rule.Detail, StringComparison.Ordinal) && rule.Counts());

    private static Rule[] Parse(string? rules) =>
        [.. (rules ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Rule.Parse)];

    internal static IOException Error(string action) => action == "full"
        ? new IOException("No space left on device (set by a failpoint)", 28)
        : new IOException("Input/output error (set by a failpoint)", 5);

    private sealed class Rule(string point, string detail, string action, int from, bool onwards)
    {
        private int _reached;

        public string Point => point;
        public string Detail => detail;
        public string Action => action;

        public static Rule Parse(string text)
        {
            if (text.Split('=') is not [var where, var what])
                throw ClusterLpException.Usage($"CLUSTERLP_FAILPOINTS: '{text}' is not POINT[/DETAIL]=ACTION[@N[+]].");
            string[] parts = what.Split('@');
            bool onwards = parts.Length == 1 || parts[1].EndsWith('+');
            int from = parts.Length == 1 ? 1 : int.Parse(parts[1].TrimEnd('+'), CultureInfo.InvariantCulture);
            int slash = where.IndexOf('/');
            return slash < 0 ? new Rule(where, "", parts[0], from, onwards) : new Rule(where[..slash], where[(slash + 1)..], parts[0], from, onwards);
        }

        public bool Counts()
        {
            int time = Interlocked.Increment(ref _reached);
            return onwards ? time >= from : time == from;
        }

        public void Strike()
        {
            switch (action)
            {
                case "hold":
                    Hold();
                    break;
                case "kill":
                    using (var self = System.Diagnostics.Process.GetCurrentProcess())
                        self.Kill();
                    Thread.Sleep(Timeout.Infinite);
                    break;
                case var delay when delay.StartsWith("delay:", StringComparison.Ordinal):
                    Thread.Sleep(int.Parse(delay.AsSpan("delay:".Length), CultureInfo.InvariantCulture));
                    break;
                default:
                    throw Error(action);
            }
        }

        private void Hold()
        {
            string folder = Environment.GetEnvironmentVariable("CLUSTERLP_FAILPOINTS_DIR") ?? ".";
            string marker = Path.Combine(folder, $"{point}.{detail.Replace('/', '.')}.hold".Replace("..", ".", StringComparison.Ordinal));
            File.WriteAllText(marker, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            while (File.Exists(marker))
                Thread.Sleep(Poll);
        }
    }
}
