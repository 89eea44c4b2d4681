using System.Runtime.InteropServices;
using System.Text.Json;
using ClusterLp.Core;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Reporting;
using MathNet.Numerics.LinearAlgebra;

namespace ClusterLp.Cli.Tests;

/// <summary>The block Krylov iteration, through the command line.</summary>
public sealed class KrylovTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1500, 24, "f32")]
    [InlineData(60, 9000, "f16")]
    public async Task It_is_written_verified_evaluated_and_reported(int rows, int columns, string type)
    {
        string model = _folder.WriteMatrix("emb.npy", rows, columns), output = _folder["out"];
        CommandLine run = await CommandLine.RunAsync("compress", model, "--output", output, "--compression", "0.5", "--method", "krylov", "--dtype", type);
        Assert.True(run.Code == ExitCode.Done, run.Error);
        string words = string.Join(' ', run.Out.Split(default(char[]), StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("SVD by block Krylov iteration", words);
        TensorReport tensor = Assert.Single(ReportJson.Read(Path.Combine(output, "clusterlp.json")).Tensors);
        Assert.Equal(("krylov", "krylov", false, tensor.Errors), (tensor.Model, tensor.Method, tensor.Transposed, tensor.Svd));
        Assert.InRange(tensor.Krylov!.Passes, 1, 5);
        Assert.Contains("block Krylov iteration", File.ReadAllText(Path.Combine(output, "clusterlp.md")));
        await CommandLine.AssertReadsBackAsync(output, model, _folder["report.html"]);
    }

    [Fact]
    public async Task A_matrix_too_wide_for_a_gram_matrix_is_fitted_where_other_methods_name_this_one()
    {
        string model = _folder.WriteMatrix("wide.npy", 3000, 12000);
        // With a weight a row it cannot be turned.
        string weights = _folder.Write("weights.txt", string.Join('\n', Enumerable.Repeat("1", 3000)));
        CommandLine refused = await CommandLine.RunAsync("compress", model, "--output", _folder["out"], "--rank", "8", "--row-weights", weights);
        Assert.Equal(ExitCode.BadInput, refused.Code);
        Assert.Contains("12000 columns", refused.Error);
        Assert.Contains("--method krylov", refused.Error);
        CommandLine run = await CommandLine.RunAsync("compress", model, "--output", _folder["out"], "--rank", "8", "--method", "krylov", "--passes", "2", "--block-size", "12");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        TensorReport tensor = Assert.Single(ReportJson.Read(Path.Combine(_folder["out"], "clusterlp.json")).Tensors);
        Assert.Equal((12, 2, 36), (tensor.Krylov!.BlockSize, tensor.Krylov.Passes, tensor.Krylov.Dimensions));
        // Its first direction alone has the larger part of it.
        Assert.InRange(tensor.RelativeFrobenius, 0, tensor.Krylov.Bound * (1 + 1e-5));
        Assert.Equal(ExitCode.Done, (await CommandLine.RunAsync("verify", _folder["out"], "--against", model)).Code);
        CommandLine plan = await CommandLine.RunAsync("plan", model, "--rank", "8", "--method", "krylov", "--json");
        JsonElement forecast = JsonDocument.Parse(plan.Out).RootElement.GetProperty("tensors")[0];
        Assert.InRange(forecast.GetProperty("errorAtMost").GetDouble(), tensor.RelativeFrobenius, 1);
    }

    [Fact]
    public async Task A_target_error_is_met_on_a_wide_matrix_by_nearly_the_smallest_rank()
    {
        const int rows = 300, columns = 9000;
        const double target = 0.3;
        string model = _folder.WriteMatrix("wide.npy", rows, columns);
        CommandLine run = await CommandLine.RunAsync("compress", model, "--output", _folder["out"], "--target-error", "0.3", "--method", "krylov", "--dtype", "f16");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        string words = string.Join(' ', run.Out.Split(default(char[]), StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("the first rank came from a sketch, which proposed rank", words);
        TensorReport tensor = Assert.Single(ReportJson.Read(Path.Combine(_folder["out"], "clusterlp.json")).Tensors);
        Assert.True(tensor.TargetMet);
        Assert.InRange(tensor.RelativeFrobenius, 0, target);
        float[] a = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(model).AsSpan(128)).ToArray();
        Matrix<double> matrix = Matrix<double>.Build.Dense(rows, columns, (i, j) => a[i * columns + j]);
        double[] squares = [.. matrix.TransposeAndMultiply(matrix).Evd(Symmetricity.Symmetric).EigenValues.Select(value => value.Real).OrderDescending()];
        int best = Enumerable.Range(1, rows).First(k => squares.Skip(k).Sum() <= target * target * squares.Sum());
        Assert.InRange(tensor.Rank, best, 1.05 * best + 1);
        RankSketch sketch = tensor.Search!.Sketch!;
        Assert.InRange(Math.Sqrt(squares.Skip(sketch.Rank).Sum() / squares.Sum()), sketch.Lower!.Value, sketch.Upper!.Value);
        Assert.InRange(sketch.Rank, 0.8 * best, 1.2 * best);
        Assert.Equal(ExitCode.Done, (await CommandLine.RunAsync("verify", _folder["out"], "--against", model)).Code);

        CommandLine again = await CommandLine.RunAsync("plan", model, "--target-error", "0.3", "--method", "krylov", "--dtype", "f16", "--json");
        Assert.True(again.Code == ExitCode.Done, again.Error);
        JsonElement forecast = JsonDocument.Parse(again.Out).RootElement.GetProperty("tensors")[0];
        Assert.Equal((sketch.Rank, sketch.Upper.Value), (forecast.GetProperty("rank").GetInt32(), forecast.GetProperty("errorAtMost").GetDouble()));
    }

    [Theory]
    [InlineData(ExitCode.Usage, "--target-error", "0.2", "--p", "1.5")]
    [InlineData(ExitCode.Usage, "--rank", "4", "--p", "auto")]
    [InlineData(ExitCode.Usage, "--rank", "4", "--fit", "joint")]
    [InlineData(ExitCode.Usage, "--rank", "4", "--column-metric", "h.npy")]
    [InlineData(ExitCode.Usage, "--rank", "4", "--exact-rows", "0.1")]
    [InlineData(ExitCode.Usage, "--rank", "4", "--subspaces", "2")]
    [InlineData(ExitCode.Usage, "--rank", "4", "--active-columns", "12")]
    [InlineData(ExitCode.Usage, "--rank", "4", "--embedding", "sparse")]
    [InlineData(ExitCode.Usage, "--rank", "4", "--tolerance", "0.1")]
    [InlineData(ExitCode.Usage, "--rank", "4", "--block-size", "3")]
    [InlineData(ExitCode.BadInput, "--rank", "4", "--passes", "65")]
    public async Task What_does_not_go_with_it_is_refused_before_anything_is_read(ExitCode code, params string[] options)
    {
        CommandLine run = await CommandLine.RunAsync(["compress", _folder["none.npy"], "--output", _folder["out"], "--method", "krylov", .. options]);
        Assert.Equal(code, run.Code);
    }

    [Theory]
    [InlineData("--passes", "2")]
    [InlineData("--block-size", "9")]
    public async Task Its_options_belong_to_it_alone(params string[] options)
    {
        CommandLine run = await CommandLine.RunAsync(["compress", _folder["none.npy"], "--output", _folder["out"], "--rank", "4", .. options]);
        Assert.Equal(ExitCode.Usage, run.Code);
        Assert.Contains("method krylov", run.Error);
    }
}
