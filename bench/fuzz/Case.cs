using System.Diagnostics;
using System.Runtime.Serialization;
using ClusterLp.Core;

namespace ClusterLp.Fuzz;

/// <summary>How a target took an input.</summary>
internal enum Verdict
{
    Accepted,
    /// <summary>With an exception the parser documents.</summary>
    Refused,
    Failed,
}

/// <summary>Runs one input and judges it.</summary>
internal static class Case
{
    private const long AllocationFloor = 64L << 20;
    private const long AllocationPerByte = 16;
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Failed: an undocumented exception, more than 2 s (twice: the machine may be busy), or more than
    /// 64 MiB + 16 bytes per input byte allocated on this thread.
    /// </summary>
    /// <returns>The verdict, and what went wrong where it failed.</returns>
    public static (Verdict Verdict, string? Reason) Run(Target target, byte[] input)
    {
        var result = Once(target, input, out TimeSpan time);
        if (time > Slow)
            result = Once(target, input, out time);
        return time > Slow ? (Verdict.Failed, $"took {time.TotalSeconds:F1} s") : result;
    }

    private static (Verdict Verdict, string? Reason) Once(Target target, byte[] input, out TimeSpan time)
    {
        long allocated = GC.GetAllocatedBytesForCurrentThread(), started = Stopwatch.GetTimestamp();
        (Verdict, string?) result = (Verdict.Accepted, null);
        try
        {
            target.Parse(input);
        }
        catch (Exception e) when (e is ClusterLpException { Code: not ExitCode.Internal } or InvalidDataException or SerializationException)
        {
            result = (Verdict.Refused, null);
        }
        catch (Exception e)
        {
            result = (Verdict.Failed, e.ToString());
        }
        time = Stopwatch.GetElapsedTime(started);
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        return allocated > AllocationFloor + AllocationPerByte * input.Length ? (Verdict.Failed, $"allocated {allocated} bytes") : result;
    }
}
