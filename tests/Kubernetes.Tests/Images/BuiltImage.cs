using System.Diagnostics;

namespace ClusterLp.Kubernetes.Tests.Images;

/// <summary>
/// What the Dockerfile makes, without a container engine: its build steps run on a copy of the build's context, all but the
/// installation of packages, and what the image takes from them lies in folders of its own.
/// </summary>
public sealed class BuiltImage : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("clusterlp-image-").FullName;

    public BuiltImage()
    {
        if (ImageFactAttribute.Obstacle.Value is not null)
            return;
        string context = Path.Combine(_folder, "source");
        foreach (string file in BuildContext.Files())
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(context, file))!);
            File.Copy(Repository.PathOf(file), Path.Combine(context, file));
        }
        foreach (string step in Dockerfile.OfRepository.Stages[0].Of("RUN").Where(step => !step.StartsWith("apt-get ", StringComparison.Ordinal)))
            Run(context, string.Join(' ', step.Split(' ').Select(word => Content.TryGetValue(word, out string? here) ? here : word)));
    }

    /// <summary>Folders of the build stage that the image takes, and where they are here.</summary>
    private Dictionary<string, string> Content => Dockerfile.OfRepository.Taken.ToDictionary(taken => taken.Source, taken => _folder + taken.Source);

    /// <summary>Where folders of the image are here.</summary>
    internal IEnumerable<(string InImage, string Here)> Folders => Dockerfile.OfRepository.Taken.Select(taken => (taken.Target, Content[taken.Source]));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static void Run(string folder, string command)
    {
        var start = new ProcessStartInfo("bash", ["-euc", command]) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        // Nothing of a build is to outlive the test; and its environment is not this test runner's.
        foreach ((string name, string value) in new Dictionary<string, string> { ["MSBUILDDISABLENODEREUSE"] = "1", ["UseSharedCompilation"] = "false", ["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0" })
            start.Environment[name] = value;
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("MSBuild", StringComparison.Ordinal) || name.StartsWith("VSTEST", StringComparison.Ordinal)).ToArray())
            start.Environment.Remove(name);
        start.Environment["PATH"] = Path.GetDirectoryName(Environment.ProcessPath) + ":" + start.Environment["PATH"];
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{command}: {output}\n{error.Result}");
    }
}
