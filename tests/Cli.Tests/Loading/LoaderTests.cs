using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using ClusterLp.Core;

namespace ClusterLp.Cli.Tests.Loading;

/// <summary>The loader that docs/use-it.md shows, run on outputs of compress; torch itself is stood in for.</summary>
public sealed class LoaderTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static byte[] Safetensors(params (string Name, int[] Shape)[] tensors)
    {
        var random = new Random(1);
        var header = new StringBuilder();
        var data = new List<byte>();
        foreach ((string name, int[] shape) in tensors)
        {
            int begin = data.Count;
            for (int i = shape.Aggregate((a, b) => a * b); i > 0; i--)
                data.AddRange(BitConverter.GetBytes((float)(random.NextDouble() - 0.5)));
            header.Append(header.Length == 0 ? '{' : ',').Append($"\"{name}\":{{\"dtype\":\"F32\",\"shape\":[{string.Join(',', shape)}],\"data_offsets\":[{begin},{data.Count}]}}");
        }
        byte[] text = Encoding.UTF8.GetBytes(header.Append('}').ToString());
        return [.. BitConverter.GetBytes((long)text.Length), .. text, .. data];
    }

    [PythonFact]
    public Task The_page_loads_embeddings_and_layers_either_way_round() =>
        LoadsAsync(["words Sequential", "block.up Sequential", "block.down Sequential", "block.back Sequential", "norm Linear"], "--tensor", "words*", "--tensor", "block.*.weight");

    [PythonFact]
    public Task The_page_loads_an_embedding_with_exact_rows() =>
        LoadsAsync(["words ExactRows", "block.up Linear", "block.down Linear", "block.back Conv1D", "norm Linear"], "--tensor", "words*", "--exact-rows", "0.05");

    [PythonFact]
    public Task The_page_loads_an_embedding_of_several_subspaces() =>
        LoadsAsync(["words Subspaces", "block.up Linear", "block.down Linear", "block.back Conv1D", "norm Linear"], "--tensor", "words*", "--subspaces", "3");

    private async Task LoadsAsync(string[] layers, params string[] options)
    {
        File.WriteAllBytes(_folder["model.safetensors"], Safetensors(
            ("words.weight", [150, 24]), ("block.up.weight", [90, 24]), ("block.up.bias", [90]), ("block.down.weight", [24, 90]),
            ("block.back.weight", [90, 24]), ("block.back.bias", [24]), ("norm.weight", [2, 3]), ("norm.bias", [2])));
        CommandLine run = await CommandLine.RunAsync([
            "compress", _folder["model.safetensors"], "--output", _folder["out"], "--rank", "7", "--reconstruct", .. options]);
        Assert.True(run.Code == ExitCode.Done, run.Error);

        string page = File.ReadAllText(Path.Combine(Repository, "docs", "use-it.md"));
        string loader = Regex.Match(page, "```python\n(import json.*?)```", RegexOptions.Singleline).Groups[1].Value;
        Assert.Contains("def load_factorised", loader);
        _folder.Write("loader.py", loader);
        using Process python = Python.Start(Path.Combine(AppContext.BaseDirectory, "stand_ins.py"), _folder["loader.py"], _folder["out"]);
        Task<string> output = python.StandardOutput.ReadToEndAsync(), error = python.StandardError.ReadToEndAsync();
        await python.WaitForExitAsync();
        Assert.True(python.ExitCode == 0, await error);
        string[][] lines = [.. (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' '))];
        Assert.Equal(layers, lines.Select(line => $"{line[0]} {line[1]}"));
        Assert.All(lines, line => Assert.InRange(double.Parse(line[2], CultureInfo.InvariantCulture), 0, 1e-5));
    }

    private static string Repository
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(folder.FullName, "ClusterLp.sln")))
                folder = folder.Parent ?? throw new InvalidOperationException($"no ClusterLp.sln above {AppContext.BaseDirectory}");
            return folder.FullName;
        }
    }
}
