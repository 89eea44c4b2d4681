using System.Text.Json;
using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Tests.Formats;
using ClusterLp.Models;

namespace ClusterLp.Cli.Tests.Models;

/// <summary>A model directory of two shards through the command line.</summary>
public sealed class WholeModelTests : IDisposable
{
    private const string Down = "model.layers.1.mlp.down_proj.weight";

    private readonly Folder _folder = new();
    private readonly string _model;

    public WholeModelTests() => _model = TransformerModel.Write(_folder["tiny"]);

    public void Dispose() => _folder.Dispose();

    private async Task<JobReport> CompressAsync(string output, params string[] options)
    {
        CommandLine run = await CommandLine.RunAsync(["compress", _model, "--output", _folder[output], "--quiet", .. options]);
        Assert.True(run.Code == ExitCode.Done, run.Error);
        return ReportJson.Read(Path.Combine(_folder[output], "clusterlp.json"));
    }

    private Dictionary<string, byte[]> Files(string folder) => Directory.GetFiles(_folder[folder], "*", SearchOption.AllDirectories)
        .ToDictionary(path => Path.GetRelativePath(_folder[folder], path).Replace('\\', '/'), File.ReadAllBytes);

    [Fact]
    public async Task Exact_rows_of_a_whole_model_lie_beside_the_factors_of_each_tensor_and_of_its_ties()
    {
        JobReport report = await CompressAsync("out", "--compression", "0.5", "--per-tensor", "--exclude", "*positions*", "--exact-rows", "0.02");
        Assert.All(report.Tensors, tensor => Assert.Equal("exact-rows", tensor.Model));
        Assert.NotEmpty(report.Ties);
        var after = TransformerModel.ReadAll(_folder["out"]);
        foreach (string name in report.Tensors.Select(tensor => tensor.Name).Concat(report.Ties.Select(tie => tie.Name)))
        {
            string x = name[..^".weight".Length];
            Assert.Equal(after[x + ".exact"].Shape[0], Assert.Single(after[x + ".exact_ids"].Shape));
            Assert.Equal("I32", after[x + ".exact_ids"].Type);
        }
        CommandLine verify = await CommandLine.RunAsync("verify", _folder["out"], "--against", _model);
        Assert.True(verify.Code == ExitCode.Done, verify.Out + verify.Error);

        // A budget that tensors share is shared by their spectra, which know nothing of rows.
        CommandLine shared = await CommandLine.RunAsync("compress", _model, "--output", _folder["no"], "--compression", "0.5", "--exact-rows", "0.02");
        Assert.Equal(ExitCode.Usage, shared.Code);
        Assert.Contains("--per-tensor", shared.Error);
    }

    [Fact]
    public async Task All_tensors_share_one_budget_and_the_directory_is_whole()
    {
        JobReport report = await CompressAsync("out", "--compression", "0.6", "--exclude", "*positions*", "--p", "1.5");
        // Ranks differ, and together they use what 40 % of the elements allow but for less than one step.
        Assert.Equal(2 * 6 + 1, report.Tensors.Length + report.Budget!.KeptWhole.Length);
        TensorReport[] attention = [.. report.Tensors.Where(tensor => tensor.Name.Contains("self_attn"))];
        Assert.True(attention.Select(tensor => tensor.Rank).Distinct().Count() > 2, "the spectra differ, and the ranks do not");
        Dictionary<string, int[]> shapes = TransformerModel.Tensors().ToDictionary(tensor => tensor.Name, tensor => tensor.Shape);
        long whole = report.Budget.KeptWhole.Sum(name => (long)shapes[name][0] * shapes[name][1]);
        long elements = whole + report.Tensors.Sum(tensor => tensor.Rows * tensor.Columns), used = whole + report.Tensors.Sum(tensor => tensor.Rank * (tensor.Rows + tensor.Columns));
        Assert.Equal((used, RankAllotment.Budget(elements, 0.6)), (report.Budget.Used, report.Budget.Elements));
        Assert.InRange(used, report.Budget.Elements - TransformerModel.Vocabulary - TransformerModel.Hidden, report.Budget.Elements);
        Assert.All(report.Tensors, tensor => Assert.Equal(tensor.AllottedError!.Value, tensor.RelativeFrobenius * tensor.Svd.Frobenius / tensor.Errors.Frobenius, 2e-4));

        // The other files are those that were there, byte for byte, and what is hidden stays behind.
        Dictionary<string, byte[]> files = Files("out");
        Assert.Equal(
            [.. TransformerModel.Others.Keys, .. TransformerModel.Shards, "clusterlp.json", "clusterlp.md", "model.safetensors.index.json"],
            files.Keys.ToHashSet());
        Assert.All(TransformerModel.Others, other => Assert.Equal(other.Value, files[other.Key]));
        Assert.Equal(TransformerModel.Others.Keys.Order(StringComparer.Ordinal), report.Carried.Select(file => file.Path));

        // Factors have their tensor's type, and lie in its shard; what is excluded or no matrix is as it was.
        var (before, after) = (TransformerModel.ReadAll(_model), TransformerModel.ReadAll(_folder["out"]));
        foreach ((string name, string type, int[] shape, int shard) in TransformerModel.Tensors())
            if (shape.Length == 1 || name == TransformerModel.Positions || report.Budget.KeptWhole.Contains(name))
                Assert.Equal(before[name].Bytes, after[name].Bytes);
            else
            {
                string x = name[..^".weight".Length];
                int rank = report.Tensors.Single(tensor => tensor.Name == (name == TransformerModel.Head ? TransformerModel.Embedding : name)).Rank;
                Assert.Equal((type, shape[0], rank), (after[$"{x}.0.weight"].Type, after[$"{x}.0.weight"].Shape[0], after[$"{x}.0.weight"].Shape[1]));
                Assert.Equal((type, shape[1], rank), (after[$"{x}.1.weight"].Type, after[$"{x}.1.weight"].Shape[0], after[$"{x}.1.weight"].Shape[1]));
                Assert.Contains($"{x}.0.weight", TransformerModel.Read(Path.Combine(_folder["out"], TransformerModel.Shards[shard])));
                Assert.DoesNotContain(name, after.Keys);
            }

        // The head has the embedding's factors.
        Assert.Equal(new TiedTensor(TransformerModel.Head, TransformerModel.Embedding), Assert.Single(report.Ties));
        Assert.Equal(after["model.embed_tokens.0.weight"].Bytes, after["lm_head.0.weight"].Bytes);
        Assert.Equal(after["model.embed_tokens.1.weight"].Bytes, after["lm_head.1.weight"].Bytes);

        CommandLine verify = await CommandLine.RunAsync("verify", _folder["out"], "--against", _model);
        Assert.True(verify.Code == ExitCode.Done, verify.Out + verify.Error);
        string card = File.ReadAllText(Path.Combine(_folder["out"], "clusterlp.md"));
        Assert.All(report.Tensors, tensor => Assert.Contains($"| `{tensor.Name}` | {tensor.Rows} x {tensor.Columns} | {tensor.Rank} |", card));
        Assert.Contains("`lm_head.weight` held the same data", card);
        Assert.Contains("tie_word_embeddings", card);
    }

    [Theory]
    [InlineData("--compression", "0.4")]
    [InlineData("--compression", "0.5", "--per-tensor", "--p", "auto", "--reconstruct")]
    public async Task The_bytes_do_not_depend_on_the_workers(params string[] options)
    {
        await CompressAsync("one", [.. options, "--workers", "1", "--threads", "1", "--block-rows", "50"]);
        await CompressAsync("three", [.. options, "--workers", "3", "--threads", "1", "--block-rows", "50"]);
        Dictionary<string, byte[]> one = Files("one"), three = Files("three");
        Assert.Equal(one.Keys.Order(), three.Keys.Order());
        Assert.All(one.Where(file => file.Key != "clusterlp.json"), file => Assert.Equal(file.Value, three[file.Key]));
    }

    [Fact]
    public async Task An_output_in_the_models_directory_is_not_carried_along()
    {
        JobReport first = await CompressAsync("tiny/out", "--rank", "2", "--method", "svd", "--job-dir", _folder["tiny/job"]);
        Assert.Equal(TransformerModel.Others.Count, first.Carried.Length);
        JobReport second = await CompressAsync("tiny/again", "--rank", "2", "--method", "svd");
        Assert.Equal(first.Carried.AsEnumerable(), second.Carried);
        // A single file has no directory.
        CommandLine alone = await CommandLine.RunAsync("compress", Path.Combine(_model, TransformerModel.Shards[0]), "--output", _folder["alone"], "--rank", "2", "--quiet");
        Assert.True(alone.Code == ExitCode.Done, alone.Error);
        Assert.Equal(["clusterlp.json", "clusterlp.md", "model.safetensors"], Directory.GetFileSystemEntries(_folder["alone"]).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task A_copy_that_was_altered_fails_verification()
    {
        await CompressAsync("out", "--rank", "2", "--method", "svd");
        File.AppendAllText(Path.Combine(_folder["out"], "config.json"), " ");
        CommandLine verify = await CommandLine.RunAsync("verify", _folder["out"], "--against", _model);
        Assert.Equal(ExitCode.BadInput, verify.Code);
        Assert.Contains("config.json", verify.Out);
    }

    [Fact]
    public async Task What_is_better_kept_whole_stays_as_it_is()
    {
        // Saving so little, the small square matrices cost error and save next to nothing.
        JobReport report = await CompressAsync("out", "--compression", "0.1");
        string[] whole = [.. report.Budget!.KeptWhole];
        Assert.NotEmpty(whole);
        Assert.NotEmpty(report.Tensors);
        Assert.Equal(report.Tensors.Sum(tensor => tensor.Rank * (tensor.Rows + tensor.Columns))
            + TransformerModel.Tensors().Where(tensor => whole.Contains(tensor.Name)).Sum(tensor => (long)tensor.Shape[0] * tensor.Shape[1]), report.Budget.Used);
        var (before, after) = (TransformerModel.ReadAll(_model), TransformerModel.ReadAll(_folder["out"]));
        Assert.All(whole, name => Assert.Equal(before[name].Bytes, after[name].Bytes));
        Assert.All(whole, name => Assert.Contains("kept whole", report.Untouched.Single(tensor => tensor.Name == name).Reason));
        CommandLine verify = await CommandLine.RunAsync("verify", _folder["out"], "--against", _model);
        Assert.True(verify.Code == ExitCode.Done, verify.Out + verify.Error);
    }

    [Fact]
    public async Task A_tie_to_a_tensor_that_is_kept_whole_stays_too_and_is_not_reported_as_compressed()
    {
        // One matrix of rank 1, and one of noise that is there twice: all the budget is the noise's.
        byte[] one = Craft.Bytes([.. Enumerable.Range(0, 400 * 16).Select(i => (float)(1 + i / 16) * (1 + i % 16))]);
        var random = new Random(5);
        byte[] noise = Craft.Bytes([.. Enumerable.Range(0, 40 * 16).Select(_ => (float)random.NextDouble() - 0.5f)]);
        string model = _folder["tied.safetensors"];
        File.WriteAllBytes(model, Craft.Safetensors(
            $$$"""{"one":{"dtype":"F32","shape":[400,16],"data_offsets":[0,{{{one.Length}}}]},"noise":{"dtype":"F32","shape":[40,16],"data_offsets":[{{{one.Length}}},{{{one.Length + noise.Length}}}]},"again":{"dtype":"F32","shape":[40,16],"data_offsets":[{{{one.Length + noise.Length}}},{{{one.Length + 2 * noise.Length}}}]}}""",
            one, noise, noise));
        CommandLine run = await CommandLine.RunAsync("compress", model, "--output", _folder["tied"], "--compression", "0.3", "--method", "svd", "--quiet");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        JobReport report = ReportJson.Read(Path.Combine(_folder["tied"], "clusterlp.json"));
        Assert.Equal("one", Assert.Single(report.Tensors).Name);
        string kept = Assert.Single(report.Budget!.KeptWhole), other = kept == "noise" ? "again" : "noise";
        Assert.Empty(report.Ties);
        Assert.Equal($"it holds the data of {kept}, which is kept whole", report.Untouched.Single(tensor => tensor.Name == other).Reason);
        Assert.Equal(noise, TransformerModel.Read(Path.Combine(_folder["tied"], "model.safetensors"))[other].Bytes);
    }

    [Fact]
    public async Task Per_tensor_every_tensor_saves_its_share()
    {
        JobReport report = await CompressAsync("out", "--compression", "0.4", "--per-tensor", "--method", "svd");
        Assert.Null(report.Budget);
        Assert.All(report.Tensors, tensor => Assert.Equal(RankRule.FromCompression(tensor.Rows, tensor.Columns, 0.4), tensor.Rank));
    }

    [Fact]
    public async Task A_wide_matrix_is_fitted_by_its_columns_and_its_factors_are_those_of_the_matrix()
    {
        JobReport report = await CompressAsync("out", "--tensor", Down, "--rank", "10", "--p", "1", "--reconstruct");
        TensorReport tensor = Assert.Single(report.Tensors);
        Assert.Equal((true, 32L, 96, 10), (tensor.Transposed, tensor.Rows, tensor.Columns, tensor.Rank));
        var (before, after) = (TransformerModel.ReadAll(_model), TransformerModel.ReadAll(_folder["out"]));
        (double[] a, string x) = (TransformerModel.Numbers(before[Down]), Down[..^".weight".Length]);
        var (u, v, dense) = (after[$"{x}.0.weight"], after[$"{x}.1.weight"], TransformerModel.Numbers(after[Down]));
        Assert.Equal([32, 10], u.Shape);
        Assert.Equal([96, 10], v.Shape);
        (double[] left, double[] right) = (TransformerModel.Numbers(u), TransformerModel.Numbers(v));
        double l1 = 0, norm = 0;
        for (int i = 0; i < 32; i++)
            for (int j = 0; j < 96; j++)
            {
                double product = 0;
                for (int t = 0; t < 10; t++)
                    product += left[i * 10 + t] * right[j * 10 + t];
                l1 += Math.Abs(a[i * 96 + j] - product);
                norm += Math.Abs(a[i * 96 + j]);
                // Stored as bfloat16.
                Assert.Equal(product, dense[i * 96 + j], 1e-5 + Math.Abs(product) / 200);
            }
        Assert.Equal(l1, tensor.Errors.L1, 1e-4 * l1);
        Assert.InRange(l1 / norm, 0.01, 0.3);
        Assert.True(tensor.Errors.L1 < tensor.Svd.L1);
        CommandLine verify = await CommandLine.RunAsync("verify", _folder["out"], "--against", _model);
        Assert.True(verify.Code == ExitCode.Done, verify.Out + verify.Error);
    }

    [Fact]
    public async Task A_head_that_is_not_the_embedding_has_factors_of_its_own()
    {
        TransformerModel.Write(_model, tied: false);
        JobReport report = await CompressAsync("out", "--tensor", TransformerModel.Embedding, "--tensor", TransformerModel.Head, "--compression", "0.4", "--method", "svd");
        Assert.Empty(report.Ties);
        Assert.Equal([TransformerModel.Embedding, TransformerModel.Head], report.Tensors.Select(tensor => tensor.Name));
        var after = TransformerModel.ReadAll(_folder["out"]);
        Assert.NotEqual(after["model.embed_tokens.0.weight"].Bytes, after["lm_head.0.weight"].Bytes);
    }

    [Fact]
    public async Task What_is_tied_goes_along_when_config_says_so_and_stays_when_excluded()
    {
        string[] options = ["--tensor", TransformerModel.Head, "--rank", "4", "--method", "svd"];
        JobReport along = await CompressAsync("along", options);
        Assert.Equal(new TiedTensor(TransformerModel.Embedding, TransformerModel.Head), Assert.Single(along.Ties));
        JobReport excluded = await CompressAsync("excluded", [.. options, "--exclude", TransformerModel.Embedding]);
        Assert.Empty(excluded.Ties);
        var (before, after) = (TransformerModel.ReadAll(_model), TransformerModel.ReadAll(_folder["excluded"]));
        Assert.Equal(before[TransformerModel.Embedding].Bytes, after[TransformerModel.Embedding].Bytes);
        // Without the config's word an unselected tensor stays, and the report says what it holds.
        File.WriteAllText(Path.Combine(_model, "config.json"), "{}");
        JobReport silent = await CompressAsync("silent", options);
        Assert.Contains($"holds the data of {TransformerModel.Head}", silent.Untouched.Single(tensor => tensor.Name == TransformerModel.Embedding).Reason);
    }

    [Theory]
    [InlineData("--compression", "0.6")]
    [InlineData("--compression", "0.1")]
    [InlineData("--compression", "0.3", "--per-tensor", "--exclude", "lm_head*")]
    [InlineData("--target-error", "0.2", "--p", "2")]
    [InlineData("--compression", "0.5", "--p", "auto", "--fit", "exact")]
    public async Task A_plan_foretells_ranks_sizes_and_SVDs_errors_and_writes_nothing(params string[] options)
    {
        string[] entries = Directory.GetFileSystemEntries(_folder.Root);
        CommandLine run = await CommandLine.RunAsync(["plan", _model, "--json", "--quiet", .. options]);
        Assert.True(run.Code == ExitCode.Done, run.Error);
        Assert.Equal(entries, Directory.GetFileSystemEntries(_folder.Root));
        JsonElement plan = JsonDocument.Parse(run.Out).RootElement;
        JobReport report = await CompressAsync("out", options);
        // Rank 0 is a tensor kept whole, which is not among those compressed.
        JsonElement[] tensors = [.. plan.GetProperty("tensors").EnumerateArray().Where(tensor => tensor.GetProperty("rank").GetInt32() > 0)];
        Assert.Equal(report.Budget?.KeptWhole.Length ?? 0, plan.GetProperty("tensors").GetArrayLength() - tensors.Length);
        Assert.Equal(report.Tensors.Select(tensor => tensor.Name), tensors.Select(tensor => tensor.GetProperty("name").GetString()));
        foreach ((TensorReport measured, JsonElement foretold) in report.Tensors.Zip(tensors))
        {
            // With a target, the job may have to go beyond the first rank.
            int first = measured.Search?.Tries[0].Rank ?? measured.Rank;
            Assert.Equal((first, measured.P), (foretold.GetProperty("rank").GetInt32(), foretold.GetProperty("p").GetDouble()));
            if (first != measured.Rank)
                continue;
            Assert.Equal((measured.BytesBefore, measured.BytesAfter), (foretold.GetProperty("bytesBefore").GetInt64(), foretold.GetProperty("bytesAfter").GetInt64()));
            Assert.Equal(measured.RelativeFrobenius * measured.Svd.Frobenius / measured.Errors.Frobenius, foretold.GetProperty("svdError").GetDouble(), 2e-4);
        }
        Assert.Equal(report.Ties.Length, plan.GetProperty("ties").GetArrayLength());
        Assert.Equal(report.Carried.Select(file => (file.Path, file.Bytes)),
            plan.GetProperty("carried").EnumerateArray().Select(file => (file.GetProperty("name").GetString()!, file.GetProperty("bytes").GetInt64())));
        Assert.All(["seconds", "memoryBytes", "scratchBytes"], figure => Assert.True(plan.GetProperty(figure).GetDouble() > 0, figure));
    }

    [Fact]
    public async Task A_plan_for_people_names_every_tensor_what_is_tied_and_what_is_carried_along()
    {
        // An output that exists is no concern of a plan.
        Directory.CreateDirectory(_folder["out"]);
        CommandLine run = await CommandLine.RunAsync("plan", _model, "--output", _folder["out"], "--compression", "0.4");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        Assert.Contains("lm_head.weight holds the data of model.embed_tokens.weight", run.Out.ReplaceLineEndings(" ").Replace("  ", " "));
        Assert.All(["700 x 32", "SVD error", "5 files", "config.json", "of memory", "elements"], text => Assert.Contains(text, run.Out.ReplaceLineEndings(" ")));
    }
}
