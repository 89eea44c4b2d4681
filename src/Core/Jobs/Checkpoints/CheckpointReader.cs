using ClusterLp.Core.Faults;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Jobs.Checkpoints;

/// <summary>Reads back what <see cref="CheckpointLog"/> wrote, as far as it is intact.</summary>
public static class CheckpointReader
{
    private const int MostLineBytes = 256 << 20;

    /// <summary>
    /// The state of the newest intact snapshot, with every intact record of its journal and of later ones. Where the newest
    /// snapshot is torn, the one before it and its journal give the same.
    /// </summary>
    /// <param name="folder">The checkpoint folder.</param>
    /// <param name="fresh">The job before its first block; returned as it is where nothing is intact.</param>
    /// <param name="damaged">Lines that were torn or altered.</param>
    public static JobState Read(string folder, JobState fresh, out int damaged)
    {
        damaged = 0;
        Generation[] generations = Generation.In(folder);
        int first = generations.Length;
        JobState? state = null;
        while (state is null && first-- > 0)
        {
            string path = StoredFiles.Combine(folder, generations[first].Snapshot);
            state = Lines(path, isJournal: false).Take(1).Select(line => CheckpointLine.Read<Checkpoint>(line)).OfType<Checkpoint>()
                .Select(fresh.Restore).FirstOrDefault();
            if (state is null && StoredFiles.Exists(path))
                damaged++;
        }
        state ??= fresh;
        for (int i = Math.Max(first, 0); i < generations.Length; i++)
            foreach (byte[] line in Lines(StoredFiles.Combine(folder, generations[i].Journal), isJournal: true))
                if (CheckpointLine.Read<CheckpointRecord>(line) is { } record)
                    state = state.Replay(record);
                else
                    damaged++;
        return state;
    }

    /// <summary>A file of the checkpoint; null where it is missing.</summary>
    internal static Stream? Open(string path)
    {
        if (ObjectStores.IsAddress(path))
            return JobFiles.Read(path) is { } contents
                ? Failpoint.Wrap(Failpoint.CheckpointRead, Path.GetFileName(path), new MemoryStream(contents), contents.Length)
                : null;
        if (!File.Exists(path))
            return null;
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 16);
        return Failpoint.Wrap(Failpoint.CheckpointRead, Path.GetFileName(path), file, file.Length);
    }

    private static IEnumerable<byte[]> Lines(string path, bool isJournal)
    {
        if (isJournal)
            return Journal.Open(path).SelectMany(Lines);
        return Open(path) is { } file ? Lines(file) : [];
    }

    private static IEnumerable<byte[]> Lines(Stream opened)
    {
        using Stream stream = opened;
        using var line = new MemoryStream();
        var buffer = new byte[1 << 16];
        for (int read; (read = stream.Read(buffer)) > 0;)
        {
            ReadOnlyMemory<byte> left = buffer.AsMemory(0, read);
            for (int end; (end = left.Span.IndexOf((byte)'\n')) >= 0; left = left[(end + 1)..])
            {
                Add(left[..end]);
                yield return line.ToArray();
                line.SetLength(0);
            }
            Add(left);
        }
        if (line.Length > 0)
            yield return line.ToArray();

        void Add(ReadOnlyMemory<byte> part)
        {
            if (line.Length + part.Length <= MostLineBytes)
                line.Write(part.Span);
        }
    }
}
