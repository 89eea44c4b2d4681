using System.Buffers;
using System.Collections.Immutable;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Formats.Output;

/// <summary>A file of a model's directory that is not the model.</summary>
/// <param name="Name">Relative to the directory, with slashes.</param>
/// <param name="Path">Where it lies.</param>
/// <param name="Bytes">Its size.</param>
public sealed record CarriedFile(string Name, string Path, long Bytes);

/// <summary>
/// What lies beside a model in its directory, such as config.json and the tokenizer: copied into the output byte for byte.
/// Left out are the model's own files, hidden folders, and folders that are outputs or job directories of this tool.
/// </summary>
public static class CarriedFiles
{
    private const int CopyBytes = 1 << 20, ObjectCopyBytes = 16 << 20;

    /// <summary>Name of the model card's fragment, which like the report is written anew.</summary>
    public const string CardName = "clusterlp.md";

    /// <summary>The files, in order of their names; none where the input is not a directory.</summary>
    /// <param name="input">What the user named.</param>
    /// <param name="model">Opened from it.</param>
    /// <param name="output">The output directory, which may lie in it.</param>
    /// <exception cref="ClusterLpException">The directory cannot be listed (exit 66).</exception>
    public static ImmutableArray<CarriedFile> Of(string input, IModel model, string output)
    {
        if (ObjectStores.IsAddress(input))
            return Objects(ObjectStores.Normalise(input), [.. model.Files], StoredFiles.Absolute(output));
        string root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(input)), target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(output));
        if (!Directory.Exists(root))
            return [];
        HashSet<string> own = [.. model.Files];
        // The lock and the partial output lie beside it.
        string beside = Path.Combine(Path.GetDirectoryName(target) ?? target, $".{Path.GetFileName(target)}.");
        var found = new List<CarriedFile>();
        try
        {
            Add(new DirectoryInfo(root));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.InputMissing($"{root}: cannot be listed: {e.Message}", e);
        }
        return [.. found.OrderBy(file => file.Name, StringComparer.Ordinal)];

        void Add(DirectoryInfo folder)
        {
            foreach (FileSystemInfo entry in folder.EnumerateFileSystemInfos())
            {
                string name = Path.GetRelativePath(root, entry.FullName).Replace(Path.DirectorySeparatorChar, '/');
                if (entry is DirectoryInfo inner)
                {
                    // A linked folder may lead in a circle.
                    if (inner.LinkTarget is null && !inner.Name.StartsWith('.') && inner.FullName != target && !IsOurs(inner))
                        Add(inner);
                }
                else if (!own.Contains(entry.FullName) && !entry.FullName.StartsWith(beside, StringComparison.Ordinal) && name is not (OutputDirectory.ReportName or CardName))
                    found.Add(new CarriedFile(name, entry.FullName, entry is FileInfo file && file.ResolveLinkTarget(true) is FileInfo linked ? linked.Length : ((FileInfo)entry).Length));
            }
        }
    }

    // Folders of objects are what their names have in common.
    private static ImmutableArray<CarriedFile> Objects(string root, HashSet<string> own, string target)
    {
        string Name(StoredStamp item) => item.Path[(root.Length + 1)..];
        IReadOnlyList<StoredStamp> all = ObjectStores.Of(root).List(root);
        string beside = $"{StoredFiles.Parent(target)}/.{Path.GetFileName(target)}.";
        string[] ours = [.. all.Select(Name).Where(name => name.EndsWith('/' + OutputDirectory.ReportName, StringComparison.Ordinal) || name.Contains("/epochs/", StringComparison.Ordinal))
            .Select(name => name[..(name.Contains("/epochs/", StringComparison.Ordinal) ? name.IndexOf("/epochs/", StringComparison.Ordinal) : name.LastIndexOf('/'))] + '/').Distinct()];
        return [.. all.Where(item => !own.Contains(item.Path) && !item.Path.StartsWith(target + '/', StringComparison.Ordinal) && !item.Path.StartsWith(beside, StringComparison.Ordinal)
                && Name(item) is not (OutputDirectory.ReportName or CardName) && !Name(item).Split('/').SkipLast(1).Any(folder => folder.StartsWith('.'))
                && !ours.Any(folder => Name(item).StartsWith(folder, StringComparison.Ordinal)))
            .Select(item => new CarriedFile(Name(item), item.Path, item.Length)).OrderBy(file => file.Name, StringComparer.Ordinal)];
    }

    /// <summary>Copies them into an output that is not committed yet.</summary>
    /// <returns>Their names, sizes and SHA-256, as copied.</returns>
    /// <exception cref="ClusterLpException">One cannot be read (exit 66), or the disk is full (73).</exception>
    public static ImmutableArray<FileHash> Copy(IEnumerable<CarriedFile> files, OutputDirectory output, CancellationToken cancellation) =>
        [.. files.Select(file => Copy(file, output, cancellation))];

    private static FileHash Copy(CarriedFile file, OutputDirectory output, CancellationToken cancellation)
    {
        if (ObjectStores.IsAddress(file.Path))
            return CopyObject(file, output, cancellation);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        using FileStream source = Reading(file, () => new FileStream(file.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0));
        using var stream = new HashingStream(output.CreateFile(file.Name), file.Name, _ => { }, cancellation);
        for (int read; (read = Reading(file, () => source.Read(buffer))) > 0;)
            stream.Write(buffer.AsSpan(0, read));
        ArrayPool<byte>.Shared.Return(buffer);
        return stream.Finish();
    }

    private static FileHash CopyObject(CarriedFile file, OutputDirectory output, CancellationToken cancellation)
    {
        using var source = new ObjectReader(file.Path);
        using var stream = new HashingStream(output.CreateFile(file.Name), file.Name, _ => { }, cancellation);
        var buffer = new byte[Math.Min(ObjectCopyBytes, source.Length)];
        for (long done = 0; done < source.Length; done += buffer.Length)
        {
            Span<byte> part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, source.Length - done));
            source.Read(done, part);
            stream.Write(part);
        }
        return stream.Finish();
    }

    private static bool IsOurs(DirectoryInfo folder) =>
        File.Exists(Path.Combine(folder.FullName, OutputDirectory.ReportName)) || Directory.Exists(Path.Combine(folder.FullName, "epochs"));

    private static T Reading<T>(CarriedFile file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.InputMissing($"{file.Path}: cannot be read: {e.Message}", e);
        }
    }
}
