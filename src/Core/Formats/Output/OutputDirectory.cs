using System.Globalization;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Formats.Output;

/// <summary>Who writes an output: a job, and its coordinator's term. Two terms of a job never share a partial output.</summary>
public sealed record OutputOwner(string Job, long Term);

/// <summary>
/// An output directory that appears whole or not at all. Files go to a sibling (same filesystem), are flushed to disk, and
/// one rename puts them in place; disposing without <see cref="Commit"/> leaves nothing behind. What a killed run left is
/// cleaned up by the next one, and two runs cannot write to one output at a time. <see cref="ObjectOutputDirectory"/> is its
/// like in an object store.
/// </summary>
public class OutputDirectory : IDisposable
{
    /// <summary>The report's name; a directory that holds it is known to be an output of ours.</summary>
    public const string ReportName = "clusterlp.json";

    private const string Partial = "partial", Holder = "holder";

    private readonly string _partial;
    private readonly string _replaced;
    private readonly bool _force;
    private readonly FileStream? _lock;
    private readonly HashSet<string> _folders = [];

    /// <summary>Where the output will be, absolute.</summary>
    public string Path { get; }

    /// <summary>For an output that is not a directory of a file system.</summary>
    private protected OutputDirectory(string path) => (Path, _partial, _replaced) = (path, path, path);

    private OutputDirectory(string path, bool force, OutputOwner owner, FileStream? heldLock)
    {
        (Path, _force, _lock) = (path, force, heldLock);
        _partial = Sibling(path, string.Create(CultureInfo.InvariantCulture, $"{Partial}-{owner.Term}"));
        _replaced = Sibling(path, "replaced");
    }

    /// <summary>Refuses an output that must not be replaced; call it before any work is done.</summary>
    /// <exception cref="ClusterLpException">
    /// It exists and <paramref name="force"/> is false, or it is not an output of ours, which is never replaced (exit 73).
    /// </exception>
    public static void EnsureFree(string path, bool force)
    {
        if (ObjectStores.IsAddress(path))
        {
            ObjectOutputDirectory.EnsureFree(ObjectStores.Normalise(path), force, "");
            return;
        }
        path = System.IO.Path.GetFullPath(path);
        if (File.Exists(path))
            throw ClusterLpException.CannotWrite($"{path}: a file of this name exists; choose another output directory.");
        if (!Directory.Exists(path))
            return;
        if (!force)
            throw ClusterLpException.CannotWrite($"{path}: the output directory exists; choose another, or replace it with --force.");
        if (Directory.EnumerateFileSystemEntries(path).Any() && !File.Exists(System.IO.Path.Combine(path, ReportName)))
            throw ClusterLpException.CannotWrite(
                $"{path}: the directory holds no {ReportName}, so it is not an output of this tool and is not replaced, even with --force.");
    }

    /// <summary>Prepares the sibling folder; missing parents are created.</summary>
    /// <param name="path">Where the output will be.</param>
    /// <param name="force">Replace an output of ours.</param>
    /// <param name="owner">Who writes; a later term of the same job takes the place of a run that hangs. Null: nobody may.</param>
    /// <exception cref="ClusterLpException">As <see cref="EnsureFree"/>, or the place is not writable or in use (exit 73).</exception>
    public static OutputDirectory Create(string path, bool force, OutputOwner? owner = null)
    {
        owner ??= new OutputOwner("", 0);
        if (ObjectStores.IsAddress(path))
            return ObjectOutputDirectory.Begin(ObjectStores.Normalise(path), force, owner);
        path = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        string parent = System.IO.Path.GetDirectoryName(path)
            ?? throw ClusterLpException.CannotWrite($"{path}: the root of a filesystem cannot be an output directory.");
        return Guard(path, () =>
        {
            Directory.CreateDirectory(parent);
            var output = new OutputDirectory(path, force, owner, Lock(path, owner.Job));
            try
            {
                output.Recover();
                EnsureFree(path, force);
                Directory.CreateDirectory(output._partial);
                output._folders.Add(output._partial);
                return output;
            }
            catch
            {
                output.Dispose();
                throw;
            }
        });
    }

    /// <summary>Creates a file of the output; dispose the stream before <see cref="Commit"/>, which flushes it to disk.</summary>
    /// <param name="name">Relative path, which cannot lead out of the directory.</param>
    /// <exception cref="ClusterLpException">The disk is full or not writable (exit 73).</exception>
    public virtual Stream CreateFile(string name) => Guard(Path, () =>
        (Stream)new FileStream(Prepare(name), FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0));

    /// <summary>
    /// As <see cref="CreateFile"/>, of a file that has some of its bytes already: it gets a second name. Null: it cannot.
    /// </summary>
    /// <param name="name">Relative path, which cannot lead out of the directory.</param>
    /// <param name="existing">Absolute path of the file.</param>
    /// <exception cref="ClusterLpException">The disk is full or not writable (exit 73).</exception>
    public virtual Stream? AdoptFile(string name, string existing) => Guard(Path, () =>
    {
        string path = Prepare(name);
        return FileSync.TryLink(existing, path) ? new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.Read, bufferSize: 0) : null;
    });

    // Its absolute path, in a folder that is there.
    private string Prepare(string name)
    {
        string path = System.IO.Path.GetFullPath(name, _partial);
        if (!path.StartsWith(_partial + System.IO.Path.DirectorySeparatorChar, StringComparison.Ordinal))
            throw ClusterLpException.CannotWrite($"{Path}: the file \"{name}\" leads outside the output directory.");
        for (string folder = System.IO.Path.GetDirectoryName(path)!; _folders.Add(folder); folder = System.IO.Path.GetDirectoryName(folder)!)
            Directory.CreateDirectory(folder);
        return path;
    }

    /// <summary>Writes a small file whole.</summary>
    /// <exception cref="ClusterLpException">The disk is full or not writable (exit 73).</exception>
    public virtual void WriteFile(string name, ReadOnlySpan<byte> bytes)
    {
        using var file = (FileStream)CreateFile(name);
        try
        {
            file.Write(bytes);
            file.Flush(flushToDisk: true);
        }
        catch (IOException e)
        {
            throw ClusterLpException.CannotWrite($"{Path}: cannot be written: {e.Message}", e);
        }
    }

    /// <summary>Puts the output in place, atomically; a directory it replaces is deleted afterwards.</summary>
    /// <exception cref="ClusterLpException">Something of that name has appeared, or the rename failed (exit 73).</exception>
    public virtual void Commit() => Guard(Path, () =>
    {
        EnsureFree(Path, _force);
        foreach (string folder in _folders)
            FileSync.Directory(folder);
        bool replaces = Directory.Exists(Path);
        if (replaces)
            Directory.Move(Path, _replaced);
        try
        {
            Directory.Move(_partial, Path);
        }
        catch when (replaces)
        {
            Directory.Move(_replaced, Path);
            throw;
        }
        FileSync.Directory(System.IO.Path.GetDirectoryName(Path)!);
        if (replaces)
            Directory.Delete(_replaced, recursive: true);
        return true;
    });

    /// <summary>Drops what was not committed.</summary>
    public virtual void Dispose()
    {
        try
        {
            if (Directory.Exists(_partial))
                Directory.Delete(_partial, recursive: true);
            if (_lock is not null)
                File.Delete(Sibling(Path, Holder));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next run to this output deletes it.
        }
        _lock?.Dispose();
    }

    // A killed run may have left its partial output, or have been between the two renames of Commit.
    private void Recover()
    {
        foreach (string left in Directory.EnumerateDirectories(System.IO.Path.GetDirectoryName(Path)!, System.IO.Path.GetFileName(Sibling(Path, Partial)) + "-*").ToList())
            Directory.Delete(left, recursive: true);
        if (!Directory.Exists(_replaced))
            return;
        if (Directory.Exists(Path))
            Directory.Delete(_replaced, recursive: true);
        else
            Directory.Move(_replaced, Path);
    }

    // Null: another run of this same job holds it, and the caller has taken that job over. A locked file cannot be read, so
    // that the holder's name stands in another.
    private static FileStream? Lock(string path, string job)
    {
        string name = Sibling(path, "lock"), holder = Sibling(path, Holder);
        try
        {
            var held = new FileStream(name, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
            File.WriteAllText(holder, job);
            return held;
        }
        catch (IOException e) when (File.Exists(name))
        {
            return job.Length > 0 && File.Exists(holder) && File.ReadAllText(holder) == job
                ? null
                : throw ClusterLpException.CannotWrite($"{path}: another run is writing this output; wait for it to end.", e);
        }
    }

    private static string Sibling(string path, string kind) =>
        System.IO.Path.Combine(System.IO.Path.GetDirectoryName(path)!, $".{System.IO.Path.GetFileName(path)}.{kind}");

    private static T Guard<T>(string path, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.CannotWrite($"{path}: cannot be written: {e.Message}", e);
        }
    }
}
