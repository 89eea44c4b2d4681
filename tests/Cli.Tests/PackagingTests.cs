using System.Diagnostics;
using System.IO.Compression;
using System.Text.RegularExpressions;

namespace ClusterLp.Cli.Tests;

/// <summary>The two packages, made from what is built, used from an empty folder with no source but that folder.</summary>
public sealed partial class PackagingTests : IDisposable
{
    private const string Version = "0.1.0-tested";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly Folder _folder = new();
    private readonly string _root = Root();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_packed_tool_installs_and_compresses()
    {
        await PackAsync("src/Cli");
        await DotnetAsync("tool", "install", "ClusterLp.Tool", "--version", Version, "--tool-path", _folder["tools"], "--configfile", NuGetConfig());
        string tool = _folder[Path.Combine("tools", OperatingSystem.IsWindows() ? "clusterlp.exe" : "clusterlp")];
        string model = _folder.WriteMatrix("emb.npy", 500, 8);
        Assert.Matches(@"^\d+\.\d+\.\d+\s*$", await RunAsync(tool, "--version"));
        await RunAsync(tool, "compress", model, "--rank", "2", "--output", _folder["out"]);
        await RunAsync(tool, "verify", _folder["out"], "--against", model);
    }

    [Fact]
    public async Task The_example_of_the_documentation_compiles_against_the_packed_library_and_runs()
    {
        string package = await PackAsync("src/Library");
        string documentation = await File.ReadAllTextAsync(Path.Combine(_root, "docs", "library.md"));
        Directory.CreateDirectory(_folder["example"]);
        await File.WriteAllTextAsync(_folder["example/Program.cs"], Example().Match(documentation).Groups[1].Value);
        await File.WriteAllTextAsync(_folder["example/Example.csproj"], $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings><InvariantGlobalization>true</InvariantGlobalization>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors><NuGetAudit>false</NuGetAudit>
                <RestoreConfigFile>{NuGetConfig()}</RestoreConfigFile>
              </PropertyGroup>
              <ItemGroup><PackageReference Include="ClusterLp" Version="{Version}" /></ItemGroup>
            </Project>
            """);
        await DotnetAsync("build", _folder["example"], "-o", _folder["bin"], "--nologo", "-v", "quiet", "--disable-build-servers");
        string said = await DotnetAsync("exec", _folder["bin/Example.dll"]);
        Assert.Contains("rank 8 of 64: U has 32000 numbers, V 512", said);
        // Gross outliers in 1 % of the entries: the l_1 fit leaves them, SVD spends its rank on them.
        Assert.InRange(double.Parse(Ratio().Match(said).Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture), 0.05, 0.9);

        using ZipArchive archive = ZipFile.OpenRead(package);
        string[] files = [.. archive.Entries.Select(entry => entry.FullName).Where(name => name.EndsWith(".dll", StringComparison.Ordinal) || name.EndsWith(".md", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        Assert.Equal(["README.md", "lib/net10.0/ClusterLp.Core.dll", "lib/net10.0/ClusterLp.Library.dll", "ref/net10.0/ClusterLp.Library.dll"], files);
    }

    [Fact]
    public void Whoever_uses_the_library_sees_these_types_and_no_other()
    {
        string[] seen = [.. typeof(LowRank).Assembly.GetExportedTypes().Select(type => type.FullName!).Order(StringComparer.Ordinal)];
        Assert.Equal(["ClusterLp.LowRank", "ClusterLp.LowRankErrors", "ClusterLp.LowRankFactors", "ClusterLp.LowRankMethod", "ClusterLp.LowRankOptions"], seen);
        string documentation = File.ReadAllText(Path.Combine(_root, "docs", "library.md"));
        Assert.All(seen, name => Assert.Contains($"`{name.Split('.')[1]}`", documentation));
        IEnumerable<Type> used = typeof(LowRank).Assembly.GetExportedTypes()
            .SelectMany(type => type.GetMethods()).SelectMany(method => method.GetParameters().Select(parameter => parameter.ParameterType).Append(method.ReturnType));
        Assert.DoesNotContain(used, type => type.Assembly == typeof(Core.ExitCode).Assembly);
    }

    private async Task<string> PackAsync(string project)
    {
        await DotnetAsync("pack", Path.Combine(_root, project), "-c", "Release", "--no-build", "-o", _folder["feed"], $"-p:PackageVersion={Version}", "--nologo", "-v", "quiet", "--disable-build-servers");
        return Assert.Single(Directory.GetFiles(_folder["feed"], "*.nupkg"));
    }

    // The feed alone; what the library depends on comes from the packages restored to build it.
    private string NuGetConfig()
    {
        string restored = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        return _folder.Write("nuget.config", $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="{_folder["packages"]}" /></config>
              <fallbackPackageFolders><clear /><add key="restored" value="{restored}" /></fallbackPackageFolders>
              <packageSources><clear /><add key="feed" value="{_folder["feed"]}" /></packageSources>
            </configuration>
            """);
    }

    private Task<string> DotnetAsync(params string[] arguments) => RunAsync(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", arguments);

    private async Task<string> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _folder.Root };
        start.Environment["DOTNET_ROOT"] = Path.GetDirectoryName(Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "../..")));
        foreach (string inherited in start.Environment.Keys.Where(name => name.StartsWith("MSBuild", StringComparison.OrdinalIgnoreCase) || name == "NUGET_PACKAGES").ToList())
            start.Environment.Remove(inherited);
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} exited with {process.ExitCode}.\n{await output}\n{await error}");
        return await output;
    }

    private static string Root()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "ClusterLp.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder!;
    }

    [GeneratedRegex(@"```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Example();

    [GeneratedRegex(@"relative to SVD's: (\S+)")]
    private static partial Regex Ratio();
}
