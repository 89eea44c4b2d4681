using ClusterLp.Core.Formats.Output;

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
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            using (var file = new FileStream(path + ".tmp", FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0))
            {
                file.Write(contents);
                file.Flush(flushToDisk: durable);
            }
            File.Move(path + ".tmp", path, overwrite: true);
            if (durable)
                FileSync.Directory(Path.GetDirectoryName(path)!);
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
            return new FileInfo(path) is { Exists: true, Length: > LargestFile }
                ? throw ClusterLpException.BadInput($"{path}: too large for a file of a job directory.")
                : File.ReadAllBytes(path);
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
