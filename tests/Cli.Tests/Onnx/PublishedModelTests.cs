using System.Text.Json;
using ClusterLp.Core;
using ClusterLp.Core.Reporting;
using ClusterLp.Core.Tests.Formats;
using Microsoft.ML.OnnxRuntime;

namespace ClusterLp.Cli.Tests.Onnx;

/// <summary>ONNX models as others export and ship them.</summary>
public sealed class PublishedModelTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [NpmModelFact(nameof(NpmFile.WakeWord))]
    public async Task A_wake_word_model_runs_with_factors_in_its_graph_and_in_its_branch()
    {
        string model = NpmFile.WakeWord.Path;
        CommandLine run = await CommandLine.RunAsync("compress", model, "--output", _folder["out"], "--compression", "0.5", "--per-tensor", "--reconstruct", "--json", "--quiet");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        JobReport report = JsonSerializer.Deserialize<JobReport>(run.Out, ReportJson.Options)!;
        Assert.Equal(["model.1.weight", "model.4.weight", "verifier_model.1.weight", "verifier_model.4.weight"], report.Tensors.Select(tensor => tensor.Name).Order());
        string factorised = Path.Combine(_folder["out"], Path.GetFileName(model)), dense = Path.ChangeExtension(factorised, ".dense.onnx");
        Assert.InRange(new FileInfo(factorised).Length / (double)new FileInfo(model).Length, 0.48, 0.56);

        double loss = 0, heard = 0;
        for (int seed = 0; seed < 8; seed++)
        {
            // 16 frames of 96 numbers, of the size that speech has.
            NamedOnnxValue input = OnnxRun.Input("x.1", OnnxCraft.Numbers(16 * 96, seed, 20), 1, 16, 96);
            Dictionary<string, double[]> before = OnnxRun.Of(model, input), ours = OnnxRun.Of(factorised, input), product = OnnxRun.Of(dense, input);
            foreach (string name in before.Keys)
            {
                Assert.InRange(OnnxRun.Difference(product[name], ours[name]), 0, 1e-5);
                heard = Math.Max(heard, ours[name].Single());
                loss = Math.Max(loss, OnnxRun.Difference(before[name], ours[name]));
            }
        }
        // Below 0.5 the graph's own score is the answer; above it is that of the branch.
        Assert.True(heard > 0.5, "no input has reached the branch");
        Assert.True(loss > 0, "the factors have lost nothing: were they used?");
        CommandLine verify = await CommandLine.RunAsync("verify", _folder["out"], "--against", model);
        Assert.True(verify.Code == ExitCode.Done, verify.Out + verify.Error);
    }

    [NpmModelFact(nameof(NpmFile.Silero))]
    public async Task A_model_whose_matrices_feed_an_lstm_is_refused_by_name()
    {
        string model = NpmFile.Silero.Path;
        CommandLine inspect = await CommandLine.RunAsync("inspect", model);
        Assert.Equal(ExitCode.Done, inspect.Code);
        Assert.Contains("decoder.rnn.weight_ih", inspect.Out);
        CommandLine run = await CommandLine.RunAsync("compress", model, "--output", _folder["out"], "--compression", "0.5");
        Assert.Equal(ExitCode.BadInput, run.Code);
        Assert.Contains("used by Slice", run.Error);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Root));
    }
}
