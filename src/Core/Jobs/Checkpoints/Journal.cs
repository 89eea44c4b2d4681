using System.Globalization;
using ClusterLp.Core.Faults;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Jobs.Checkpoints;

/// <summary>
/// A journal that is being written. In a file system it is one file that grows. Objects do not grow: there it is a folder of
/// numbered objects, one for each append, none of which is ever written twice.
/// </summary>
internal abstract class Journal : IDisposable
{
    /// <summary>Begins an empty journal.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static Journal Create(string path, bool durable) => ObjectStores.IsAddress(path) ? new ObjectJournal(path) : new FileJournal(path, durable);

    /// <summary>What a journal consists of, in order; nothing where it is missing.</summary>
    public static IEnumerable<Stream> Open(string path)
    {
        if (ObjectStores.IsAddress(path))
            return StoredFiles.In(path).Select(CheckpointReader.Open).OfType<Stream>();
        return CheckpointReader.Open(path) is { } file ? [file] : [];
    }

    /// <summary>Removes a journal.</summary>
    public static void Delete(string path)
    {
        if (ObjectStores.IsAddress(path))
            ObjectStores.Of(path).Delete([.. StoredFiles.In(path)]);
        else
            File.Delete(path);
    }

    /// <summary>Adds lines; they are durable when this returns.</summary>
    public abstract void Append(byte[] lines);

    public abstract void Dispose();

    private sealed class FileJournal(string path, bool durable) : Journal
    {
        private readonly FileStream _file = new(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);

        public override void Append(byte[] lines)
        {
            Failpoint.Wrap(Failpoint.CheckpointWrite, Path.GetFileName(path), _file, lines.Length).Write(lines);
            _file.Flush(flushToDisk: durable);
        }

        public override void Dispose() => _file.Dispose();
    }

    private sealed class ObjectJournal(string path) : Journal
    {
        private int _next = 1;

        public override void Append(byte[] lines)
        {
            Failpoint.Reach(Failpoint.CheckpointWrite, Path.GetFileName(path));
            string part = StoredFiles.Combine(path, _next.ToString("D9", CultureInfo.InvariantCulture));
            if (!StoredFiles.TryCreate(part, lines))
                throw new ClusterLpException(ExitCode.Resumable, $"{part}: this record was written by another process; run the same command again.");
            _next++;
        }

        public override void Dispose()
        {
        }
    }
}
