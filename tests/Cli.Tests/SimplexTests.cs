using System.Text.Json;
using ClusterLp.Core;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Tests;

/// <summary>Rows as mixtures of archetypes, through the command line.</summary>
public sealed class SimplexTests : IDisposable
{
    private readonly Folder _folder = new();
    private readonly string _model;

    public SimplexTests() => _model = _folder.WriteMatrix("emb.npy", 1500, 24);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("f32", 1e-5)]
    [InlineData("f16", 1e-2)]
    public async Task It_is_written_named_verified_evaluated_and_reported(string type, double rounding)
    {
        string output = _folder["out"], words = _folder.Write("vocab.txt", string.Join('\n', Enumerable.Range(0, 1500).Select(i => $"word-{i}")));
        CommandLine run = await CommandLine.RunAsync(
            "compress", _model, "--output", output, "--rank", "6", "--method", "simplex", "--smoothing", "0.01", "--vocabulary", words, "--dtype", type);
        Assert.True(run.Code == ExitCode.Done, run.Error);
        Assert.Contains("mixtures of 6 archetypes, each the mean of 15 extreme rows", string.Join(' ', run.Out.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries)));
        Assert.Contains("word-", run.Out);
        TensorReport tensor = Assert.Single(ReportJson.Read(Path.Combine(output, "clusterlp.json")).Tensors);
        Assert.Equal(("simplex", "simplex", 0.01, 15L, 6), (tensor.Model, tensor.Method, tensor.Simplex!.Smoothing, tensor.Simplex.Averaged, tensor.Simplex.Archetypes.Length));
        Assert.All(tensor.Simplex.Archetypes.SelectMany(rows => rows), row => Assert.Equal($"word-{row.Row}", row.Word));
        Assert.InRange(tensor.LargestGap!.Value, 0, 1e-3);
        // As any factors are stored: what reads those reads these.
        Assert.Equal((1500 + 24) * 6 * (type == "f32" ? 4 : 2), tensor.BytesAfter);
        using (IModel model = ModelFiles.Open(Path.Combine(output, "model.safetensors")))
        using (IMatrixSource u = model.OpenMatrix("emb.0.weight"))
        {
            var weights = new float[1500 * 6];
            u.ReadRows(0, 1500, weights);
            Assert.All(weights.Chunk(6), row =>
            {
                Assert.All(row, w => Assert.InRange(w, 0, 1));
                Assert.InRange(row.Sum(w => (double)w), 1 - rounding, 1 + rounding);
            });
            foreach ((int vertex, var rows) in tensor.Simplex.Archetypes.Index())
                Assert.All(rows, row => Assert.Equal(weights[row.Row * 6 + vertex], row.Weight));
        }
        Assert.Contains("convex mixture", File.ReadAllText(Path.Combine(output, "clusterlp.md")));

        await CommandLine.AssertReadsBackAsync(output, _model, _folder["report.html"]);
        Assert.Contains("word-", File.ReadAllText(_folder["report.html"]));
        string others = _folder.Write("others.txt", string.Join('\n', Enumerable.Range(0, 1500).Select(i => $"<{i}>")));
        run = await CommandLine.RunAsync("report", output, "--against", _model, "--output", _folder["named.html"], "--vocabulary", others);
        Assert.True(run.Code == ExitCode.Done, run.Error);
        Assert.Contains($"&lt;{tensor.Simplex.Archetypes[0][0].Row}&gt;", File.ReadAllText(_folder["named.html"]));
    }

    [Fact]
    public async Task Word_vectors_bring_their_words_and_other_matrices_are_named_by_index()
    {
        string vectors = _folder.Write("words.vec", "40 4\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"w{i} {i % 7} {i % 5} {i % 3} {i % 2 + 1}\n")));
        CommandLine run = await CommandLine.RunAsync("compress", vectors, "--output", _folder["words"], "--rank", "3", "--method", "simplex", "--json");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        using (JsonDocument json = JsonDocument.Parse(run.Out))
            Assert.All(json.RootElement.GetProperty("tensors")[0].GetProperty("simplex").GetProperty("archetypes").EnumerateArray().SelectMany(rows => rows.EnumerateArray()),
                row => Assert.Equal($"w{row.GetProperty("row").GetInt64()}", row.GetProperty("word").GetString()));
        run = await CommandLine.RunAsync("compress", _model, "--output", _folder["out"], "--compression", "0.7", "--method", "simplex");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        Assert.Matches(@"row \d+ \(\d\.\d\d\)", run.Out);
        run = await CommandLine.RunAsync("compress", _model, "--output", _folder["moved"], "--compression", "0.7", "--method", "simplex", "--refine", "3");
        Assert.Contains("moved in 3 rounds", string.Join(' ', run.Out.Split((char[])[' ', '\n', '\r'], StringSplitOptions.RemoveEmptyEntries)));
        run = await CommandLine.RunAsync("plan", _model, "--compression", "0.7", "--method", "simplex");
        Assert.True(run.Code == ExitCode.Done, run.Error);
    }

    [Theory]
    [InlineData(ExitCode.Usage, "simplex", "--target-error", "0.2", "--method", "simplex")]
    [InlineData(ExitCode.Usage, "simplex", "--rank", "4", "--method", "simplex", "--p", "auto")]
    [InlineData(ExitCode.Usage, "simplex", "--rank", "4", "--method", "simplex", "--fit", "joint")]
    [InlineData(ExitCode.Usage, "simplex", "--rank", "4", "--method", "simplex", "--row-weights", "c.txt")]
    [InlineData(ExitCode.Usage, "simplex", "--rank", "4", "--method", "simplex", "--column-metric", "h.npy")]
    [InlineData(ExitCode.Usage, "simplex", "--rank", "4", "--method", "simplex", "--exact-rows", "0.1")]
    [InlineData(ExitCode.Usage, "simplex", "--rank", "4", "--method", "simplex", "--subspaces", "2")]
    [InlineData(ExitCode.Usage, "simplex", "--rank", "4", "--method", "simplex", "--embedding", "sparse")]
    [InlineData(ExitCode.Usage, "active-columns", "--rank", "4", "--method", "simplex", "--active-columns", "12")]
    [InlineData(ExitCode.Usage, "simplex", "--rank", "4", "--smoothing", "0.1")]
    [InlineData(ExitCode.Usage, "simplex", "--rank", "4", "--vocabulary", "words.txt")]
    [InlineData(ExitCode.Usage, "simplex", "--rank", "4", "--refine", "2")]
    [InlineData(ExitCode.BadInput, "refine", "--rank", "4", "--method", "simplex", "--refine", "1001")]
    [InlineData(ExitCode.BadInput, "smoothing", "--rank", "4", "--method", "simplex", "--smoothing", "0")]
    [InlineData(ExitCode.BadInput, "smoothing", "--rank", "4", "--method", "simplex", "--smoothing", "1")]
    [InlineData(ExitCode.InputMissing, "words.txt", "--rank", "4", "--method", "simplex", "--vocabulary", "words.txt")]
    public async Task What_does_not_go_with_it_is_refused(ExitCode code, string word, params string[] options)
    {
        CommandLine run = await CommandLine.RunAsync(["compress", _model, "--output", _folder["out"], .. options]);
        Assert.Equal(code, run.Code);
        Assert.Contains(word, run.Error);
        Assert.False(Directory.Exists(_folder["out"]));
    }
}
