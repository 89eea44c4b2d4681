using ClusterLp.Core.Formats.Output;

namespace ClusterLp.Core.Storage;

/// <summary>
/// Files by their path, whether it leads into a file system or is the address of an object. A folder of objects is what
/// their names begin with: it needs no creating.
/// </summary>
public static class StoredFiles
{
    /// <summary>The absolute path, or the address in its one form.</summary>
    /// <param name="path">Relative, absolute, or an address.</param>
    /// <param name="folder">What relative paths are relative to; null: the current folder. May be an address.</param>
    /// <exception cref="ClusterLpException">An address that is none (exit 64).</exception>
    public static string Absolute(string path, string? folder = null)
    {
        if (ObjectStores.IsAddress(path))
            return ObjectStores.Normalise(path);
        if (folder is not null && ObjectStores.IsAddress(folder))
            return ObjectStores.Normalise($"{folder.TrimEnd('/')}/{path}");
        return Path.TrimEndingDirectorySeparator(folder is null ? Path.GetFullPath(path) : Path.GetFullPath(path, folder));
    }

    /// <summary>Where a file of a folder lies; <paramref name="name"/> is relative.</summary>
    public static string Combine(string folder, params ReadOnlySpan<string> names) =>
        ObjectStores.IsAddress(folder) ? string.Join('/', [folder.TrimEnd('/'), .. names]) : Path.Combine([folder, .. names]);

    /// <summary>The folder of an absolute path; null for a root or a bucket.</summary>
    public static string? Parent(string path)
    {
        if (!ObjectStores.IsAddress(path))
            return Path.GetDirectoryName(path);
        int slash = path.LastIndexOf('/');
        return path[slash - 1] == '/' ? null : path[..slash];
    }

    /// <summary>The file or object; null where there is none.</summary>
    public static StoredStamp? Stat(string path)
    {
        if (ObjectStores.IsAddress(path))
            return ObjectStores.Of(path).Stat(path);
        var file = new FileInfo(path);
        return file.Exists ? new StoredStamp(file.FullName, file.Length, file.LastWriteTimeUtc) : null;
    }

    /// <summary>Whether a file or object of this name exists.</summary>
    public static bool Exists(string path) => ObjectStores.IsAddress(path) ? Stat(path) is not null : File.Exists(path);

    /// <summary>Whether a folder exists; of objects: whether one lies in it.</summary>
    public static bool FolderExists(string path) => ObjectStores.IsAddress(path) ? ObjectStores.Of(path).List(path).Count > 0 : Directory.Exists(path);

    /// <summary>The paths of files directly in a folder, in the order of their names; none where it does not exist.</summary>
    public static IEnumerable<string> In(string folder)
    {
        if (ObjectStores.IsAddress(folder))
            return ObjectStores.Of(folder).List(folder).Select(item => item.Path).Where(path => Parent(path) == folder);
        return Directory.Exists(folder) ? Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal) : [];
    }

    /// <summary>The names of what lies directly in a folder, files and, of objects, folders.</summary>
    public static IEnumerable<string> Names(string folder) => ObjectStores.IsAddress(folder)
        ? ObjectStores.Of(folder).List(folder).Select(item => item.Path[(folder.Length + 1)..].Split('/')[0]).Distinct()
        : In(folder).Select(path => Path.GetFileName(path));

    /// <summary>A small file's bytes; null where it is missing.</summary>
    /// <param name="path">The file.</param>
    /// <param name="most">Bytes it may have.</param>
    /// <exception cref="ClusterLpException">It has more (exit 65).</exception>
    /// <exception cref="IOException">A file that cannot be read.</exception>
    public static byte[]? Read(string path, long most)
    {
        if (!ObjectStores.IsAddress(path))
            return new FileInfo(path) switch
            {
                { Exists: false } => null,
                { Length: var length } when length > most => throw TooLarge(path, length),
                _ => File.ReadAllBytes(path),
            };
        var bytes = new byte[Math.Min(most, FirstGuess)];
        IObjectStore store = ObjectStores.Of(path);
        if (store.ReadAsync(path, null, 0, bytes, CancellationToken.None).GetAwaiter().GetResult() is not { } range)
            return null;
        if (range.Length > most)
            throw TooLarge(path, range.Length);
        if (range.Length <= bytes.Length)
            return bytes[..range.Read];
        Array.Resize(ref bytes, (int)range.Length);
        store.ReadAsync(path, range.Version, range.Read, bytes.AsMemory(range.Read), CancellationToken.None).GetAwaiter().GetResult();
        return bytes;
    }

    private const int FirstGuess = 1 << 18;

    /// <summary>Replaces a small file; readers see the old or the new one.</summary>
    /// <param name="path">The file; missing folders are created.</param>
    /// <param name="contents">All of it.</param>
    /// <param name="durable">Flush a file to the device; an object that is written is durable.</param>
    /// <exception cref="IOException">A file that cannot be written.</exception>
    public static void Replace(string path, byte[] contents, bool durable)
    {
        if (ObjectStores.IsAddress(path))
        {
            ObjectStores.Of(path).Put(path, contents);
            return;
        }
        string folder = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(folder);
        using (var file = new FileStream(path + ".tmp", FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0))
        {
            file.Write(contents);
            file.Flush(flushToDisk: durable);
        }
        File.Move(path + ".tmp", path, overwrite: true);
        if (durable)
            FileSync.Directory(folder);
    }

    /// <summary>Creates a small file where there is none: of many who try, one does.</summary>
    /// <returns>Whether it was this call that created it.</returns>
    /// <exception cref="IOException">A file that cannot be written.</exception>
    public static bool TryCreate(string path, byte[] contents)
    {
        if (ObjectStores.IsAddress(path))
            return ObjectStores.Of(path).PutIfAbsent(path, contents);
        try
        {
            using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
            file.Write(contents);
            return true;
        }
        catch (IOException) when (File.Exists(path))
        {
            return false;
        }
    }

    /// <summary>Removes a file that may be there.</summary>
    public static void Delete(string path)
    {
        if (ObjectStores.IsAddress(path))
            ObjectStores.Of(path).Delete([path]);
        else
            File.Delete(path);
    }

    /// <summary>Removes a folder and all in it.</summary>
    public static void DeleteFolder(string path)
    {
        if (ObjectStores.IsAddress(path))
        {
            ObjectStores.Of(path).Delete([.. ObjectStores.Of(path).List(path).Select(item => item.Path)]);
            ObjectStores.Of(path).AbortUploads(path);
        }
        else if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }
    }

    private static ClusterLpException TooLarge(string path, long length) =>
        ClusterLpException.BadInput($"{path}: {length} bytes are too many for a file of this kind.");
}
