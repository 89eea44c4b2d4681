using System.Text.Json;
using ClusterLp.Core;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Tests;

/// <summary>U solved in a sample of the columns, through the command line.</summary>
public sealed class ActiveColumnsTests : IDisposable
{
    private readonly Folder _folder = new();
    private readonly string _model;

    public ActiveColumnsTests() => _model = _folder.WriteMatrix("emb.npy", 1500, 24);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_report_measures_and_certifies_nothing()
    {
        string output = _folder["out"];
        CommandLine run = await CommandLine.RunAsync("compress", _model, "--output", output, "--rank", "3", "--p", "1", "--active-columns", "16");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        string words = string.Join(' ', run.Out.Split(default(char[]), StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("is not certified", words);
        Assert.DoesNotContain("Given V", words);
        Assert.Contains("for 1 % it asks for 30.0k columns, more than there are", words);
        string json = File.ReadAllText(Path.Combine(output, "clusterlp.json"));
        JsonElement written = JsonDocument.Parse(json).RootElement.GetProperty("tensors")[0];
        Assert.Equal((JsonValueKind.Null, JsonValueKind.Null), (written.GetProperty("largestGap").ValueKind, written.GetProperty("sumGap").ValueKind));
        ActiveColumnsReport active = Assert.Single(ReportJson.Read(Path.Combine(output, "clusterlp.json")).Tensors).ActiveColumns!;
        Assert.Equal((16, 750L, 30000L), (active.Asked, active.ComparedRows, active.ColumnsForOnePercent));
        Assert.Equal(Math.Sqrt(3 / 16.0), active.Epsilon, 1e-12);
        Assert.InRange(active.ErrorRatio, 0.99, 1.5);
        CommandLine verify = await CommandLine.RunAsync("verify", output, "--against", _model);
        Assert.True(verify.Code == ExitCode.Done, verify.Out + verify.Error);
    }

    [Fact]
    public async Task A_rank_of_more_than_half_the_columns_is_told_that_it_saves_little()
    {
        CommandLine run = await CommandLine.RunAsync("compress", _model, "--output", _folder["out"], "--rank", "14", "--active-columns", "20");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        Assert.Contains("more than half the columns", string.Join(' ', run.Out.Split(default(char[]), StringSplitOptions.RemoveEmptyEntries)));
    }

    [Fact]
    public async Task Workers_and_threads_change_no_byte()
    {
        CommandLine run = await CommandLine.RunAsync("compress", _model, "--output", _folder["a"], "--rank", "3", "--active-columns", "12", "--exact-rows", "0.01", "--workers", "1", "--threads", "1");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        CommandLine more = await CommandLine.RunAsync("compress", _model, "--output", _folder["b"], "--rank", "3", "--active-columns", "12", "--exact-rows", "0.01", "--workers", "3", "--threads", "2");
        Assert.True(more.Code == ExitCode.Done, more.Error);
        Assert.Equal(File.ReadAllBytes(Path.Combine(_folder["a"], "model.safetensors")), File.ReadAllBytes(Path.Combine(_folder["b"], "model.safetensors")));
    }

    [Theory]
    [InlineData(ExitCode.Usage, "--rank", "4", "--active-columns", "3")]
    [InlineData(ExitCode.BadInput, "--compression", "0.5", "--active-columns", "3")]
    [InlineData(ExitCode.Usage, "--rank", "4", "--active-columns", "8", "--p", "2")]
    [InlineData(ExitCode.Usage, "--rank", "4", "--active-columns", "8", "--method", "svd")]
    public async Task What_a_sample_cannot_do_is_refused_before_anything_is_computed(ExitCode code, params string[] options)
    {
        CommandLine run = await CommandLine.RunAsync(["compress", _model, "--output", _folder["out"], .. options]);
        Assert.Equal(code, run.Code);
        Assert.Contains("active-columns", run.Error);
        Assert.False(Directory.Exists(_folder["out"]));
    }
}
