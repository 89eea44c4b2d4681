using System.Runtime.InteropServices;

namespace ClusterLp.Core.Kernels;

/// <summary>The scheduler's view of a thread, which .NET's priorities do not reach on Linux.</summary>
public static partial class ThreadNiceness
{
    // A tenth of the weight of a thread that computes: enough to come to an end on a machine that is never idle.
    private const int Background = 10;

    private const int OfThread = 0, Calling = 0;

    /// <summary>
    /// From now on the calling thread computes mostly while others wait. Linux only, and not to be taken back: not for a thread of
    /// the pool.
    /// </summary>
    public static void GiveWay()
    {
        if (OperatingSystem.IsLinux())
            _ = SetPriority(OfThread, Calling, Background);
    }

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, int who, int niceness);
}
