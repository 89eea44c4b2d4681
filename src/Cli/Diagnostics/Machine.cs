using System.Globalization;

namespace ClusterLp.Cli.Diagnostics;

/// <summary>What this process may use of its machine.</summary>
internal static class Machine
{
    /// <summary>
    /// Bytes of memory: the machine's, or the control group's limit where that is less (cgroup v2, then v1); null where
    /// neither can be read.
    /// </summary>
    public static long? MemoryBytes()
    {
        long? machine = FromFile("/proc/meminfo", line => line.StartsWith("MemTotal:", StringComparison.Ordinal) ? line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1] : null) * 1024;
        long? limit = FromFile("/sys/fs/cgroup/memory.max", line => line) ?? FromFile("/sys/fs/cgroup/memory/memory.limit_in_bytes", line => line);
        return machine is null || limit < machine ? limit ?? machine : machine;
    }

    /// <summary>Free bytes where temporary files go.</summary>
    public static long TemporarySpace() => new DriveInfo(Path.GetTempPath()).AvailableFreeSpace;

    private static long? FromFile(string path, Func<string, string?> figure)
    {
        try
        {
            foreach (string line in File.ReadLines(path))
                if (long.TryParse(figure(line), NumberStyles.None, CultureInfo.InvariantCulture, out long value))
                    return value;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not Linux, or no such control group: the next source is asked.
        }
        return null;
    }
}
