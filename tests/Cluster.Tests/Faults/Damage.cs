namespace ClusterLp.Cluster.Tests.Faults;

/// <summary>Damage to files of a job. What is not there is left alone: the job may be ahead of a schedule, or behind.</summary>
internal static class Damage
{
    /// <summary>One bit of a complete blob.</summary>
    /// <param name="jobDirectory">Of the job.</param>
    /// <param name="pick">Which, 0 to 1.</param>
    public static void FlipBlob(string jobDirectory, double pick)
    {
        if (Blob(jobDirectory, pick) is { } blob)
            Flip(blob, null);
    }

    /// <inheritdoc cref="FlipBlob"/>
    public static void DeleteBlob(string jobDirectory, double pick)
    {
        if (Blob(jobDirectory, pick) is { } blob)
            File.Delete(blob);
    }

    /// <summary>The last bytes of the newest journal are missing, as after a power cut.</summary>
    public static void TearJournal(string jobDirectory)
    {
        if (Newest(jobDirectory, "*.journal") is not { } journal)
            return;
        using FileStream file = File.OpenWrite(journal);
        file.SetLength(Math.Max(0, file.Length - 7));
    }

    public static void FlipSnapshot(string jobDirectory)
    {
        if (Newest(jobDirectory, "*.snapshot") is { } snapshot)
            Flip(snapshot, null);
    }

    public static void SpoilJobFile(string jobDirectory)
    {
        string file = Path.Combine(jobDirectory, "job.json");
        if (File.Exists(file))
            Flip(file, 5);
    }

    /// <summary>Changes an entry of the last row; a second time, back.</summary>
    public static void Toggle(string model)
    {
        using FileStream file = File.Open(model, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        file.Position = file.Length - 3;
        int value = file.ReadByte();
        file.Position = file.Length - 3;
        file.WriteByte((byte)(value ^ 0x40));
    }

    private static string? Blob(string jobDirectory, double pick)
    {
        string folder = Path.Combine(jobDirectory, "blobs");
        string[] blobs = Directory.Exists(folder)
            ? [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Where(path => !path.Contains(".tmp-", StringComparison.Ordinal)).Order(StringComparer.Ordinal)]
            : [];
        return blobs.Length == 0 ? null : blobs[(int)(pick * blobs.Length)];
    }

    /// <summary>The newest of the checkpoint's files of a kind that holds anything; null where there is none.</summary>
    public static string? Newest(string jobDirectory, string pattern)
    {
        string folder = Path.Combine(jobDirectory, "checkpoints");
        return Directory.Exists(folder) ? Directory.GetFiles(folder, pattern).Order(StringComparer.Ordinal).LastOrDefault(path => new FileInfo(path).Length > 0) : null;
    }

    /// <summary>One bit of a file, in place: whoever has it open sees it too.</summary>
    /// <param name="path">The file.</param>
    /// <param name="at">Which byte; null: the one in the middle.</param>
    public static void Flip(string path, int? at)
    {
        try
        {
            using FileStream file = File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            if (file.Length == 0)
                return;
            file.Position = Math.Min(at ?? file.Length / 2, file.Length - 1);
            int value = file.ReadByte();
            file.Position--;
            file.WriteByte((byte)(value ^ 0x10));
        }
        catch (FileNotFoundException)
        {
            // Its owner has just removed it.
        }
    }
}
