using System.Text.RegularExpressions;

namespace ClusterLp.Kubernetes.Tests.Images;

/// <summary>The files a build of the image sees: those of the checkout that .dockerignore lets through.</summary>
internal static class BuildContext
{
    private static readonly (Regex Pattern, bool Included)[] Rules = [.. File.ReadLines(Repository.PathOf(".dockerignore"))
        .Where(line => line.Length > 0 && line[0] != '#')
        .Select(line => (Pattern(line.TrimStart('!')), line[0] == '!'))];

    /// <summary>Paths relative to the checkout.</summary>
    public static IEnumerable<string> Files() => Walk("");

    /// <summary>Whether a file is let through: the last rule that fits it, or a folder it lies in, decides.</summary>
    public static bool Includes(string path)
    {
        bool included = true;
        foreach ((Regex pattern, bool includes) in Rules)
            if (pattern.IsMatch(path))
                included = includes;
        return included;
    }

    private static IEnumerable<string> Walk(string folder)
    {
        foreach (string path in Directory.GetFiles(Repository.PathOf(folder)).Select(path => Path.GetRelativePath(Repository.Root, path)).Where(Includes))
            yield return path;
        foreach (string path in Directory.GetDirectories(Repository.PathOf(folder)).Select(path => Path.GetRelativePath(Repository.Root, path)))
            // Not into what nobody wants; a folder that is out may still hold files that are in.
            if (Path.GetFileName(path) is not (".git" or "artifacts" or "bin" or "obj"))
                foreach (string file in Walk(path))
                    yield return file;
    }

    // **/ is any number of folders, * anything within a name.
    private static Regex Pattern(string text) => new(
        "^" + Regex.Escape(text).Replace(@"\*\*/", "(.*/)?", StringComparison.Ordinal).Replace(@"\*", "[^/]*", StringComparison.Ordinal) + "(/.*)?$");
}
