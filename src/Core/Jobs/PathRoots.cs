using ClusterLp.Core.Formats;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Jobs;

/// <summary>
/// Folders, and prefixes of objects, that paths of a job file or a message must lie in, symbolic links followed. A path is judged as it is now: who
/// may rename things inside a root can still change what it leads to.
/// </summary>
public sealed class PathRoots
{
    private const int MostLinks = 40;

    private readonly string[] _roots;

    private PathRoots(string[] roots) => _roots = roots;

    /// <summary>No limit.</summary>
    public static PathRoots Anywhere { get; } = new([]);

    /// <summary>Whether there is a limit.</summary>
    public bool AreLimited => _roots.Length > 0;

    /// <param name="folders">One or more; relative ones are relative to the current folder.</param>
    /// <param name="own">One more that may yet have to be created; null: none.</param>
    /// <exception cref="ClusterLpException">A folder does not exist (exit 66).</exception>
    public static PathRoots Within(IEnumerable<string> folders, string? own = null)
    {
        string[] roots = [.. folders.Select(folder =>
            ObjectStores.IsAddress(folder) || Directory.Exists(folder) ? Resolve(folder)! : throw ClusterLpException.InputMissing($"{folder}: no such folder to limit paths to."))];
        return new PathRoots(own is not null && Resolve(own) is { } resolved ? [.. roots, resolved] : roots);
    }

    /// <summary>Lets a path through.</summary>
    /// <param name="what">What it is, for the message: "the input".</param>
    /// <param name="path">Need not exist.</param>
    /// <returns>The path, unchanged.</returns>
    /// <exception cref="ClusterLpException">It leads out of every root (exit 77).</exception>
    public string Ensure(string what, string path) => !AreLimited || Contains(path) ? path : throw new ClusterLpException(ExitCode.Refused,
        $"{path}: {what} lies outside the folders this process may use ({string.Join(", ", _roots)}): move it there, or start this process with --root for its folder.");

    /// <summary>Lets a model through: each of its files, wherever links and indices lead.</summary>
    /// <exception cref="ClusterLpException">One leads out of every root (exit 77).</exception>
    public void Ensure(IModel model)
    {
        foreach (string file in model.Files)
            Ensure("the model's file", file);
    }

    /// <summary>Whether a path, links followed, is a root or lies in one.</summary>
    public bool Contains(string path) => Resolve(path) is { } resolved && _roots.Any(root =>
        resolved == root || resolved.StartsWith(Path.EndsInDirectorySeparator(root) ? root : root + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            && ObjectStores.IsAddress(root) == ObjectStores.IsAddress(resolved));

    /// <summary>The absolute path without links, as far as it exists; null if links lead in a circle or cannot be read.</summary>
    private static string? Resolve(string path)
    {
        if (ObjectStores.IsAddress(path))
            return ObjectStores.IsNormal(path) ? path.TrimEnd('/') : null;
        string full = Path.GetFullPath(path), done = Path.GetPathRoot(full)!;
        var rest = new Stack<string>(Parts(full[done.Length..]));
        try
        {
            for (int links = 0; rest.TryPop(out string? part);)
            {
                string next = Path.Combine(done, part);
                if (part == "..")
                    // What is done holds no link, so its parent is what the name says.
                    done = Path.GetDirectoryName(done) ?? done;
                else if (new FileInfo(next).LinkTarget is not { } target)
                    done = next;
                else if (++links > MostLinks)
                    return null;
                else
                {
                    if (Path.IsPathRooted(target))
                        (done, target) = (Path.GetPathRoot(target)!, target[Path.GetPathRoot(target)!.Length..]);
                    foreach (string name in Parts(target))
                        rest.Push(name);
                }
            }
            return done;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // Last first, for a stack.
    private static IEnumerable<string> Parts(string path) =>
        path.Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries).Where(part => part != ".").Reverse();
}
