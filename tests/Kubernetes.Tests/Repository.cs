using System.Runtime.Versioning;

// Owners, modes, namespaces.
[assembly: SupportedOSPlatform("linux")]

namespace ClusterLp.Kubernetes.Tests;

/// <summary>The checkout the tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    public static string PathOf(string relative) => Path.Combine(Root, relative);

    private static string Find()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "ClusterLp.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("the tests do not lie in a checkout");
    }
}
