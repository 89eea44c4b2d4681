using System.Text.Json;
using ClusterLp.Core;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Tests;

/// <summary>Rows in several subspaces, through the command line.</summary>
public sealed class SubspacesTests : IDisposable
{
    private readonly Folder _folder = new();
    private readonly string _model;

    public SubspacesTests() => _model = _folder.WriteMatrix("emb.npy", 1500, 24);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("f32")]
    [InlineData("f16")]
    public async Task They_are_written_verified_evaluated_and_reported(string type)
    {
        string output = _folder["out"];
        CommandLine run = await CommandLine.RunAsync("compress", _model, "--output", output, "--compression", "0.5", "--subspaces", "3", "--restarts", "2", "--dtype", type);
        Assert.True(run.Code == ExitCode.Done, run.Error);
        Assert.Contains("one of 3 subspaces", run.Out);
        Assert.Contains("SVD of equal size", run.Out);
        TensorReport tensor = Assert.Single(ReportJson.Read(Path.Combine(output, "clusterlp.json")).Tensors);
        Assert.Equal(("subspaces", 3, 2, 1500L), (tensor.Model, tensor.Subspaces!.Count, tensor.Subspaces.Restarts, tensor.Subspaces.Sizes.Sum()));
        // Ids are counted, and but for the header, a page, the file is what is counted; one more dimension would not fit.
        int size = type == "f32" ? 4 : 2;
        Assert.Equal((1500 + 3 * 24) * tensor.Rank * size + 1500, tensor.BytesAfter);
        Assert.InRange(tensor.BytesAfter, 0.5 * 1500 * 24 * size - (1500 + 3 * 24) * size, 0.5 * 1500 * 24 * size);
        Assert.Equal(4096, new FileInfo(Path.Combine(output, "model.safetensors")).Length - tensor.BytesAfter);
        Assert.Contains("emb.ids", File.ReadAllText(Path.Combine(output, "clusterlp.md")));

        await CommandLine.AssertReadsBackAsync(output, _model, _folder["report.html"]);
        string page = File.ReadAllText(_folder["report.html"]);
        Assert.Contains("those of the SVD of equal size", page);
        Assert.Contains($"at rank {tensor.SvdRank ?? tensor.Rank}, whose SVD takes as much room", page);
        Assert.DoesNotContain("same rank", page);
        // The rounds that fit the subspaces are in the run's picture too.
        Assert.Contains("rounds of the model", page);
    }

    [Fact]
    public async Task A_plan_foresees_the_svd_of_equal_size_that_the_job_reports()
    {
        string[] options = [_model, "--compression", "0.5", "--subspaces", "3", "--output", _folder["out"], "--quiet"];
        CommandLine plan = await CommandLine.RunAsync(["plan", .. options]);
        Assert.True(plan.Code == ExitCode.Done, plan.Error);
        Assert.Contains("SVD of equal size", plan.Out);
        Assert.DoesNotContain("of that rank", plan.Out);
        plan = await CommandLine.RunAsync(["plan", .. options, "--json"]);
        CommandLine run = await CommandLine.RunAsync(["compress", .. options]);
        Assert.True(run.Code == ExitCode.Done, run.Error);
        TensorReport tensor = ReportJson.Read(Path.Combine(_folder["out"], "clusterlp.json")).Tensors[0];
        JsonElement planned = JsonDocument.Parse(plan.Out).RootElement.GetProperty("tensors")[0];
        Assert.Equal("subspaces", planned.GetProperty("model").GetString());
        Assert.NotEqual(tensor.Rank, tensor.SvdRank);
        Assert.Equal(tensor.Svd.Frobenius * tensor.RelativeFrobenius / tensor.Errors.Frobenius, planned.GetProperty("svdError").GetDouble(), 1e-5);
    }

    [Fact]
    public async Task An_id_that_is_of_no_subspace_is_refused_and_another_subspace_is_found()
    {
        string output = _folder["out"], file = Path.Combine(output, "model.safetensors");
        CommandLine run = await CommandLine.RunAsync("compress", _model, "--output", output, "--rank", "5", "--subspaces", "2");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        byte[] bytes = File.ReadAllBytes(file);
        // The last tensor of the file is the ids: narrower than the others.
        bytes[^1] ^= 1;
        File.WriteAllBytes(file, bytes);
        CommandLine verify = await CommandLine.RunAsync("verify", output, "--against", _model);
        Assert.Contains("lp", verify.Out);
        Assert.NotEqual(ExitCode.Done, verify.Code);
        bytes[^1] = 2;
        File.WriteAllBytes(file, bytes);
        verify = await CommandLine.RunAsync("verify", output, "--against", _model);
        Assert.Equal(ExitCode.BadInput, verify.Code);
        Assert.Contains("row 1499 of \"emb\" has subspace 2", verify.Error);
    }

    [Theory]
    [InlineData(ExitCode.Usage, "--target-error", "0.2", "--subspaces", "2")]
    [InlineData(ExitCode.Usage, "--rank", "4", "--subspaces", "2", "--method", "svd")]
    [InlineData(ExitCode.Usage, "--rank", "4", "--subspaces", "2", "--fit", "joint")]
    [InlineData(ExitCode.Usage, "--rank", "4", "--subspaces", "2", "--column-metric", "h.npy")]
    [InlineData(ExitCode.Usage, "--rank", "4", "--subspaces", "2", "--exact-rows", "0.1")]
    [InlineData(ExitCode.Usage, "--rank", "4", "--subspaces", "2", "--active-columns", "12")]
    [InlineData(ExitCode.Usage, "--rank", "4", "--restarts", "2")]
    [InlineData(ExitCode.BadInput, "--rank", "4", "--subspaces", "1")]
    [InlineData(ExitCode.BadInput, "--rank", "4", "--subspaces", "65")]
    public async Task What_does_not_go_with_them_is_refused_before_anything_is_read(ExitCode code, params string[] options)
    {
        CommandLine run = await CommandLine.RunAsync(["compress", _model, "--output", _folder["out"], .. options]);
        Assert.Equal(code, run.Code);
        Assert.Contains("subspaces", run.Error);
        Assert.False(Directory.Exists(_folder["out"]));
    }
}
