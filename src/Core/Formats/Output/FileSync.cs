using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ClusterLp.Core.Formats.Output;

/// <summary>What .NET does not say to the file system of Unix. Does nothing on Windows.</summary>
internal static partial class FileSync
{
    private const int ReadOnly = 0;
    private const uint BeginWriting = 2;

    /// <summary>Has what was written to a part of a file travel to the device from now on, so that flushing it waits for less. Linux.</summary>
    public static void Begin(SafeFileHandle file, long offset, long length)
    {
        // It only saves time: a file system that does not do it loses nothing.
        if (OperatingSystem.IsLinux())
            _ = SyncRange(file, offset, length, BeginWriting);
    }

    /// <summary>Gives a file a second name, if both lie in one file system that can do so.</summary>
    public static bool TryLink(string existing, string name) => !OperatingSystem.IsWindows() && Link(existing, name) == 0;

    /// <summary>Makes a directory's entries durable (fsync), which a rename needs.</summary>
    /// <exception cref="IOException">The directory cannot be opened or synchronised.</exception>
    public static void Directory(string path)
    {
        if (OperatingSystem.IsWindows())
            return;
        int descriptor = Open(path, ReadOnly);
        if (descriptor < 0)
            throw new IOException($"{path}: cannot be opened (errno {Marshal.GetLastPInvokeError()})");
        int result = Sync(descriptor);
        int error = Marshal.GetLastPInvokeError();
        Close(descriptor);
        if (result != 0)
            throw new IOException($"{path}: fsync failed (errno {error})");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "sync_file_range", SetLastError = true)]
    private static partial int SyncRange(SafeFileHandle descriptor, long offset, long length, uint flags);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string existing, string name);
}
