using ClusterLp.Core;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Tests;

/// <summary>Rows stored as they are, through the command line.</summary>
public sealed class ExactRowsTests : IDisposable
{
    private readonly Folder _folder = new();
    private readonly string _model;

    public ExactRowsTests() => _model = _folder.WriteMatrix("emb.npy", 1500, 24);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("f32")]
    [InlineData("bf16")]
    public async Task They_are_written_verified_evaluated_and_reported(string type)
    {
        string output = _folder["out"];
        CommandLine run = await CommandLine.RunAsync("compress", _model, "--output", output, "--compression", "0.5", "--exact-rows", "0.02", "--dtype", type);
        Assert.True(run.Code == ExitCode.Done, run.Error);
        Assert.Contains("30 of 1500 rows are stored", run.Out);
        Assert.Contains("SVD of equal size", run.Out);
        TensorReport tensor = Assert.Single(ReportJson.Read(Path.Combine(output, "clusterlp.json")).Tensors);
        Assert.Equal(("exact-rows", 30L), (tensor.Model, tensor.ExactRows!.Count));
        // But for the header, a page, the file is what is counted.
        long size = new FileInfo(Path.Combine(output, "model.safetensors")).Length;
        Assert.Equal(4096, size - tensor.BytesAfter);
        Assert.Contains("exact_ids", File.ReadAllText(Path.Combine(output, "clusterlp.md")));

        await CommandLine.AssertReadsBackAsync(output, _model, _folder["report.html"]);
        string page = File.ReadAllText(_folder["report.html"]);
        Assert.Contains("those of the SVD of equal size", page);
        Assert.Contains($"at rank {tensor.SvdRank ?? tensor.Rank}, whose SVD takes as much room", page);
        Assert.DoesNotContain("same rank", page);
    }

    [Fact]
    public async Task A_place_that_was_changed_is_refused_and_a_row_that_was_changed_is_found()
    {
        string output = _folder["out"], file = Path.Combine(output, "model.safetensors");
        CommandLine run = await CommandLine.RunAsync("compress", _model, "--output", output, "--rank", "5", "--exact-rows", "0.02");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        byte[] bytes = File.ReadAllBytes(file);
        // The last tensor of the file is the places: int32, as wide as the others.
        bytes[^1] = 0x7f;
        File.WriteAllBytes(file, bytes);
        CommandLine verify = await CommandLine.RunAsync("verify", output, "--against", _model);
        Assert.Equal(ExitCode.BadInput, verify.Code);
        Assert.Contains("exact_ids", verify.Error);
    }

    [Theory]
    [InlineData(ExitCode.Usage, "--target-error", "0.2", "--exact-rows", "0.1")]
    [InlineData(ExitCode.Usage, "--compression", "0.9", "--exact-rows", "0.1")]
    [InlineData(ExitCode.BadInput, "--rank", "4", "--exact-rows", "0")]
    [InlineData(ExitCode.BadInput, "--rank", "4", "--exact-rows", "1")]
    [InlineData(ExitCode.Usage, "--rank", "4", "--exact-rows", "0.1", "--column-metric", "h.npy")]
    public async Task What_does_not_go_with_them_is_refused_before_anything_is_read(ExitCode code, params string[] options)
    {
        CommandLine run = await CommandLine.RunAsync(["compress", _model, "--output", _folder["out"], .. options]);
        Assert.Equal(code, run.Code);
        Assert.Contains("exact-rows", run.Error);
        Assert.False(Directory.Exists(_folder["out"]));
    }
}
