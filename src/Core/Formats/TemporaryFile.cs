using Microsoft.Win32.SafeHandles;

namespace ClusterLp.Core.Formats;

/// <summary>Temporary files without a name where the system allows it, so that nothing is left of a killed process.</summary>
internal static class TemporaryFile
{
    /// <summary>A new file, open for reading and writing; gone once it is closed.</summary>
    /// <param name="what">A word of the name that is seen where the system keeps it.</param>
    /// <param name="folder">Null: the system's temporary folder.</param>
    /// <exception cref="IOException">It cannot be created; or <see cref="UnauthorizedAccessException"/>.</exception>
    public static SafeFileHandle Create(string what, string? folder = null)
    {
        string path = Path.Combine(folder ?? Path.GetTempPath(), $"clusterlp-{what}-{Guid.NewGuid():N}");
        SafeFileHandle file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Delete, FileOptions.DeleteOnClose);
        if (!OperatingSystem.IsWindows())
            File.Delete(path);
        return file;
    }
}
