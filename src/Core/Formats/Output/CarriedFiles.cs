using System.Buffers;
using System.Collections.Immutable;
using ClusterLp.Core.Reporting;

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
    private const int CopyBytes = 1 << 20;

    /// <summary>Name of the model card's fragment, which like the report is written anew.</summary>
    public const string CardName = "clusterlp.md";

    /// <summary>The files, in order of their names; none where the input is not a directory.</summary>
    /// <param name="input">What the user named.</param>
    /// <param name="model">Opened from it.</param>
    /// <param name="output">The output directory, which may lie in it.</param>
    /// <exception cref="ClusterLpException">The directory cannot be listed (exit 66).</exception>
    public static ImmutableArray<CarriedFile> Of(string input, IModel model, string output)
    {
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

    /// <summary>Copies them into an output that is not committed yet.</summary>
    /// <returns>Their names, sizes and SHA-256, as copied.</returns>
    /// <exception cref="ClusterLpException">One cannot be read (exit 66), or the disk is full (73).</exception>
    public static ImmutableArray<FileHash> Copy(IEnumerable<CarriedFile> files, OutputDirectory output, CancellationToken cancellation) =>
        [.. files.Select(file => Copy(file, output, cancellation))];

    private static FileHash Copy(CarriedFile file, OutputDirectory output, CancellationToken cancellation)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        using FileStream source = Reading(file, () => new FileStream(file.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0));
        using var stream = new HashingStream(output.CreateFile(file.Name), file.Name, _ => { }, cancellation);
        for (int read; (read = Reading(file, () => source.Read(buffer))) > 0;)
            stream.Write(buffer.AsSpan(0, read));
        ArrayPool<byte>.Shared.Return(buffer);
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
