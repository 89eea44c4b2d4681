using ClusterLp.Core;

namespace ClusterLp.Cli.Demo;

internal static class OutputFile
{
    /// <summary>Creates (or replaces) a file and the folders above it.</summary>
    /// <exception cref="ClusterLpException">The path cannot be written (exit 73).</exception>
    public static FileStream Create(string path)
    {
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
                Directory.CreateDirectory(folder);
            return new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.CannotWrite($"{path}: cannot be created ({e.Message}); choose a place you may write to.", e);
        }
    }
}
