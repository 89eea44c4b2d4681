using System.Runtime.InteropServices;

namespace ClusterLp.Core.Formats.Output;

/// <summary>Makes a directory's entries durable (fsync), which a rename needs; does nothing on Windows.</summary>
internal static partial class FileSync
{
    private const int ReadOnly = 0;

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
}
