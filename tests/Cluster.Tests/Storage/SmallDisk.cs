using System.Diagnostics;
using System.Globalization;

namespace ClusterLp.Cluster.Tests.Storage;

/// <summary>A file system of a few KiB in memory, so that a full or read-only disk is a real one; unmounted when disposed.</summary>
internal sealed class SmallDisk : IDisposable
{
    public SmallDisk(int kib, bool readOnly = false)
    {
        string size = kib.ToString(CultureInfo.InvariantCulture);
        Assert.Equal(0, Run("mount", "-t", "tmpfs", "-o", $"size={size}k{(readOnly ? ",ro" : "")}", "tmpfs", Folder));
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("clusterlp-disk-").FullName;

    public void Dispose()
    {
        Assert.Equal(0, Run("umount", Folder));
        Directory.Delete(Folder);
    }

    /// <summary>Why there cannot be one here; null where there can.</summary>
    public static string? Obstacle()
    {
        if (!OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess)
            return "mounting a small disk takes root on Linux";
        string folder = Directory.CreateTempSubdirectory("clusterlp-disk-").FullName;
        bool mounted = Run("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder) == 0;
        if (mounted)
            Run("umount", folder);
        Directory.Delete(folder);
        return mounted ? null : "this root may not mount";
    }

    private static int Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode;
    }
}

/// <summary>A test that mounts a <see cref="SmallDisk"/>; skipped, with the reason, where that is not possible.</summary>
internal sealed class SmallDiskFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> Obstacle = new(SmallDisk.Obstacle);

    public SmallDiskFactAttribute() => Skip = Obstacle.Value;
}
