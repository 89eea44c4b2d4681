using System.Diagnostics;
using System.Text.Json;
using ClusterLp.Core;
using ClusterLp.Core.Evaluation;
using ClusterLp.Core.Reporting;
using ClusterLp.Models;

namespace ClusterLp.Cli.Tests;

/// <summary><c>evaluate</c> on outputs of compress, against tests/oracle/fidelity.py and by hand.</summary>
public sealed class EvaluateTests : IDisposable
{
    private const int Rows = 1300, Columns = 24;

    private readonly Folder _folder = new();
    private readonly string _model;

    public EvaluateTests()
    {
        _model = _folder.WriteMatrix("emb.npy", Rows, Columns);
        // Row 700, of zeros, as a padding token's.
        using FileStream file = File.OpenWrite(_model);
        file.Seek(128 + 700L * Columns * sizeof(float), SeekOrigin.Begin);
        file.Write(new byte[Columns * sizeof(float)]);
    }

    public void Dispose() => _folder.Dispose();

    [PythonFact]
    public async Task Every_figure_is_numpys()
    {
        await CompressAsync("--rank", "6");
        string inputs = _folder.WriteMatrix("x.npy", 90, Columns, seed: 5);
        LayerFidelity layer = Assert.Single((await EvaluateAsync("--queries", $"{Rows}", "--activations", inputs)).Layers);
        Agree(layer, Oracle("--activations", inputs));
        Assert.Equal(("plain", Rows - 1, 1L, 90L), (layer.Baseline, layer.Queries, layer.ZeroRows, layer.Output!.Inputs));
    }

    [PythonFact]
    public async Task With_row_weights_bands_follow_them_and_the_svd_is_the_weighted_one()
    {
        string weights = _folder.Write("w.txt", string.Join('\n', Enumerable.Range(0, Rows).Select(i => $"{1 + i * 37 % Rows}")));
        await CompressAsync("--rank", "5", "--p", "1", "--row-weights", weights);
        EvaluationResult result = await EvaluateAsync("--queries", $"{Rows}");
        Assert.Equal(weights, result.Frequencies);
        LayerFidelity layer = Assert.Single(result.Layers);
        Assert.Equal("row-weighted", layer.Baseline);
        Agree(layer, Oracle("--weights", weights));
    }

    [Fact]
    public async Task Queries_are_drawn_by_the_seed_and_more_of_them_include_the_fewer()
    {
        await CompressAsync("--rank", "6");
        string first = (await RunAsync("--queries", "40", "--seed", "7", "--json")).Out;
        Assert.Equal(first, (await RunAsync("--queries", "40", "--seed", "7", "--json")).Out);
        Assert.NotEqual(first, (await RunAsync("--queries", "40", "--seed", "8", "--json")).Out);
        LayerFidelity few = Assert.Single((await EvaluateAsync("--queries", "1", "--seed", "7")).Layers);
        Assert.Equal(1, few.Queries);
        // One query's overlap is a number of tenths.
        Assert.Equal(Math.Round(few.Overlap.Ours * 10), few.Overlap.Ours * 10, 1e-9);
        Assert.Equal(0, Assert.Single((await EvaluateAsync("--queries", "0")).Layers).Queries);
    }

    [Theory]
    [InlineData("vocab.txt")]
    [InlineData("vocab.json")]
    [InlineData("tokenizer.json")]
    [InlineData("unigram.json")]
    public async Task The_worst_rows_are_named_by_a_vocabulary_of_any_kind(string file)
    {
        await CompressAsync("--rank", "3");
        string[] tokens = [.. Enumerable.Range(0, Rows - 2).Select(row => $"tok\"en{row}")];
        string vocabulary = _folder.Write(file, file switch
        {
            "vocab.txt" => string.Join("\r\n", tokens) + "\r\n",
            "vocab.json" => JsonSerializer.Serialize(tokens.Select((token, row) => (token, row)).Reverse().ToDictionary(pair => pair.token, pair => pair.row)),
            "tokenizer.json" => JsonSerializer.Serialize(new
            {
                added_tokens = new[] { new { id = Rows - 3, content = $"tok\"en{Rows - 3}" } },
                model = new { type = "BPE", vocab = tokens.SkipLast(1).Select((token, row) => (token, row)).ToDictionary(pair => pair.token, pair => pair.row) },
            }),
            _ => JsonSerializer.Serialize(new { model = new { type = "Unigram", vocab = tokens.Select(token => new object[] { token, -1.5 }) } }),
        });
        LayerFidelity layer = Assert.Single((await EvaluateAsync("--vocabulary", vocabulary)).Layers);
        Assert.Equal(10, layer.Worst.Length);
        Assert.All(layer.Worst, row => Assert.Equal(row.Row < Rows - 2 ? $"tok\"en{row.Row}" : null, row.Token));
        CommandLine table = await RunAsync("--vocabulary", vocabulary);
        Assert.Contains(layer.Worst[0].Token!, table.Out);
        Assert.Contains("the row's index", table.Out);
    }

    [Fact]
    public async Task Word_vectors_name_their_own_rows()
    {
        string vectors = _folder.Write("words.vec", string.Join('\n', ["60 4", .. Enumerable.Range(0, 60).Select(i =>
            FormattableString.Invariant($"word{i} {i % 7 + 1} {i % 5 - 2} {(i * i) % 11} {(i == 33 ? 900 : 0.5 * (i % 3))}"))]) + "\n");
        CommandLine run = await CommandLine.RunAsync("compress", vectors, "--output", _folder["out"], "--rank", "2", "--quiet");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        run = await CommandLine.RunAsync("evaluate", _folder["out"], "--against", vectors);
        Assert.True(run.Code == ExitCode.Done, run.Error);
        Assert.Matches(@"word\d+ ", run.Out);
    }

    [Fact]
    public async Task Every_layer_of_a_whole_model_is_evaluated_as_it_is_stored_wide_ones_too()
    {
        string model = TransformerModel.Write(_folder["tiny"]);
        CommandLine run = await CommandLine.RunAsync("compress", model, "--output", _folder["whole"], "--compression", "0.6", "--per-tensor", "--quiet", "--dtype", "f32");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        JobReport report = ReportJson.Read(Path.Combine(_folder["whole"], "clusterlp.json"));
        run = await CommandLine.RunAsync("evaluate", _folder["whole"], "--against", model, "--json", "--quiet");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        EvaluationResult result = JsonSerializer.Deserialize<EvaluationResult>(run.Out, ReportJson.Options)!;
        Assert.Equal(report.Tensors.Select(tensor => (tensor.Name, tensor.Rows, tensor.Columns, tensor.Rank)),
            result.Layers.Select(layer => (layer.Name, layer.Rows, layer.Columns, layer.Rank)));
        Assert.Contains(report.Tensors, tensor => tensor.Transposed && tensor.Rows < tensor.Columns);
        // The job's own figures, from its own products.
        Assert.All(report.Tensors.Zip(result.Layers), pair =>
        {
            Assert.Equal(pair.First.RelativeFrobenius, pair.Second.RelativeError.Ours, 1e-5);
            Assert.Equal(pair.First.RelativeFrobenius * pair.First.Svd.Frobenius / pair.First.Errors.Frobenius, pair.Second.RelativeError.Svd, 1e-5);
        });
    }

    [Fact]
    public async Task Files_that_do_not_fit_are_refused_in_one_line_that_says_why()
    {
        await CompressAsync("--rank", "3");
        await RefusedAsync("has 24 columns; expected X of m x 24", "--activations", _folder.WriteMatrix("narrow.npy", 50, 23));
        await RefusedAsync("transpose it", "--activations", _folder.WriteMatrix("turned.npy", 24, 50));
        await RefusedAsync("of another model", "--vocabulary", _folder.Write("long.txt", string.Concat(Enumerable.Repeat("x\n", Rows + 1))));
        await RefusedAsync("not a vocabulary", "--vocabulary", _folder.Write("list.json", "{\"a\": \"b\"}"));
        await RefusedAsync("no compressed tensor matches", "--tensor", "nonesuch*");
        await RefusedAsync("expected one weight a row", "--row-weights", _folder.Write("short.txt", "1\n2\n"));

        async Task RefusedAsync(string why, params string[] options)
        {
            CommandLine run = await RunAsync(options);
            Assert.Equal(ExitCode.BadInput, run.Code);
            Assert.Contains(why, Assert.Single(run.Error.TrimEnd().Split('\n')));
            Assert.Empty(run.Out);
        }
    }

    private async Task CompressAsync(params string[] options)
    {
        CommandLine run = await CommandLine.RunAsync(["compress", _model, "--output", _folder["out"], "--quiet", .. options]);
        Assert.True(run.Code == ExitCode.Done, run.Error);
    }

    private Task<CommandLine> RunAsync(params string[] options) => CommandLine.RunAsync(["evaluate", _folder["out"], "--against", _model, "--quiet", .. options]);

    private async Task<EvaluationResult> EvaluateAsync(params string[] options)
    {
        CommandLine run = await RunAsync([.. options, "--json"]);
        Assert.True(run.Code == ExitCode.Done, run.Error);
        return JsonSerializer.Deserialize<EvaluationResult>(run.Out, ReportJson.Options)!;
    }

    private JsonElement Oracle(params string[] options)
    {
        using Process process = Python.Start([Path.Combine(Python.Repository, "tests", "oracle", "fidelity.py"), _model, Path.Combine(_folder["out"], "model.safetensors"), .. options]);
        Task<string> error = process.StandardError.ReadToEndAsync();
        string printed = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error.Result);
        return JsonDocument.Parse(printed).RootElement;
    }

    private static void Agree(LayerFidelity layer, JsonElement oracle)
    {
        Side(oracle.GetProperty("ours"), pair => pair.Ours);
        Side(oracle.GetProperty("svd"), pair => pair.Svd);
        Assert.Equal(oracle.GetProperty("ours").GetProperty("worst").EnumerateArray().Select(row => row.GetInt64()), layer.Worst.Select(row => row.Row));
        long[] edges = [.. oracle.GetProperty("edges").EnumerateArray().Select(edge => edge.GetInt64())];
        Assert.Equal(edges.Zip(edges.Skip(1)), layer.Bands.Select(band => (band.FromRank - 1, band.ToRank)));

        void Side(JsonElement expected, Func<Fidelity, double> of)
        {
            const double rounding = 2e-6;
            // Rows of this matrix are nearly parallel, and float32 rounding may decide who is tenth: 1 in 1000 may differ.
            Assert.Equal(expected.GetProperty("overlap").GetDouble(), of(layer.Overlap), 1e-3);
            Assert.Equal(expected.GetProperty("relativeError").GetDouble(), of(layer.RelativeError), rounding);
            if (layer.Output is { } output)
                Assert.Equal(expected.GetProperty("output").GetDouble(), of(output.RelativeError), rounding);
            foreach ((JsonElement band, BandFidelity ours) in expected.GetProperty("bands").EnumerateArray().Zip(layer.Bands))
            {
                Assert.Equal(band.GetProperty("relativeError").GetDouble(), of(ours.RelativeError), rounding);
                Assert.Equal(band.GetProperty("meanCosine").GetDouble(), of(ours.MeanCosine), rounding);
                Assert.Equal(band.GetProperty("leastCosine").GetDouble(), of(ours.LeastCosine), 1e-5);
                Assert.Equal(band.GetProperty("meanNormRatio").GetDouble(), of(ours.MeanNormRatio), rounding);
                Assert.Equal(band.GetProperty("overlap").GetDouble(), of(ours.Overlap!), 3e-3);
            }
        }
    }
}
