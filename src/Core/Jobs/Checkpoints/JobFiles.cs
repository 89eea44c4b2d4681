using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Jobs.Checkpoints;

/// <summary>The small files of a job directory.</summary>
public static class JobFiles
{
    private const int LargestFile = 256 << 20;

    /// <summary>Replaces a small file atomically.</summary>
    /// <exception cref="ClusterLpException">It cannot be written (exit 73).</exception>
    public static void Replace(string path, byte[] contents, bool durable)
    {
        try
        {
            StoredFiles.Replace(path, contents, durable);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.CannotWrite($"{path}: cannot write into the job directory: {e.Message}", e);
        }
    }

    /// <summary>A small file's bytes; null where it is missing.</summary>
    /// <exception cref="ClusterLpException">It cannot be read (exit 66), or is too large to be ours (65).</exception>
    public static byte[]? Read(string path)
    {
        try
        {
            return StoredFiles.Read(path, LargestFile);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.InputMissing($"{path}: cannot be read: {e.Message}", e);
        }
    }
}
