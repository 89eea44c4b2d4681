using System.Globalization;
using System.Runtime.InteropServices;

namespace ClusterLp.Core.Kernels;

/// <summary>
/// Asks Linux for pages of 2 MiB behind the managed heap. A job touches hundreds of megabytes of arrays for the first time; in
/// pages of 4 KiB each is an interrupt, which in virtual machines can cost more than filling the page.
/// </summary>
public static partial class HeapPages
{
    private const int HugePages = 14;

    /// <summary>
    /// Advises the kernel of the whole range the runtime has reserved for the heap: what is committed of it later inherits it. Only
    /// advice: where there are no such pages, or the range is not found, nothing changes. Call it once, early.
    /// </summary>
    public static void Advise()
    {
        if (!OperatingSystem.IsLinux())
            return;
        byte[] inHeap = GC.AllocateUninitializedArray<byte>(1, pinned: true);
        try
        {
            (nint begin, nint end) = RangeAround(Marshal.UnsafeAddrOfPinnedArrayElement(inHeap, 0), File.ReadLines("/proc/self/maps"));
            if (end > begin)
                _ = Advise(begin, end - begin, HugePages);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            // Then it is as it was.
        }
        GC.KeepAlive(inHeap);
    }

    /// <summary>The gapless run of mappings without a file that an address lies in; empty where there is none.</summary>
    /// <param name="address">The address.</param>
    /// <param name="maps">Lines as of proc_pid_maps(5), ascending.</param>
    internal static (nint Begin, nint End) RangeAround(nint address, IEnumerable<string> maps)
    {
        const int fieldsWithoutFile = 5;
        nint begin = 0, end = 0;
        foreach (string line in maps)
        {
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            string[] range = fields[0].Split('-');
            (nint from, nint to) = (nint.Parse(range[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture), nint.Parse(range[^1], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            bool follows = fields.Length == fieldsWithoutFile && from == end;
            if (!follows && begin <= address && address < end)
                break;
            (begin, end) = follows ? (begin, to) : fields.Length == fieldsWithoutFile ? (from, to) : (0, 0);
        }
        return begin <= address && address < end ? (begin, end) : (0, 0);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nint length, int advice);
}
