using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.Tests.Formats;

public class OutputVerifierTests
{
    private static string MakeOutput(TemporaryFolder folder, string input, double p = 1.5, Func<TensorReport, TensorReport>? change = null)
    {
        JobPlan plan = JobPlanner.Plan(new JobSpec { Input = input, Output = folder["out"], Rank = 4, P = p, BlockRows = 32 });
        TensorPlan tensor = Assert.Single(plan.Tensors);
        (float[] u, float[] v) = FakeFit.Factors(tensor, 3);
        var blobs = new MemoryBlobs();
        using OutputDirectory output = OutputDirectory.Create(folder["out"], force: false);
        var hashes = FactorisedModelWriter.Write(plan, [FakeFit.Done(tensor, u, v, blobs)], blobs, output, null, CancellationToken.None);
        TensorReport report = FakeFit.Report(tensor, SampleModels.Matrix(), u, v);
        output.WriteFile(OutputDirectory.ReportName, ReportJson.Write(FakeFit.Report(plan, [change?.Invoke(report) ?? report], hashes)));
        output.Commit();
        return folder["out"];
    }

    private static string Input(TemporaryFolder folder) =>
        folder.Write("in.safetensors", SampleModels.File(SampleModels.Mask, SampleModels.Embedding(), SampleModels.Bias));

    private static VerifyResult Verify(string output, string input) => OutputVerifier.Verify(output, input, new SideFiles(null, null), null, CancellationToken.None);

    // Flips one bit of a tensor's bytes in place, found by its data.
    private static void FlipBit(string path, int offsetFromEnd)
    {
        byte[] bytes = File.ReadAllBytes(path);
        bytes[^offsetFromEnd] ^= 0x40;
        File.WriteAllBytes(path, bytes);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1.3)]
    [InlineData(1.5)]
    [InlineData(2)]
    public void Figures_of_a_true_report_are_confirmed(double p)
    {
        using var folder = new TemporaryFolder();
        string input = Input(folder);
        VerifyResult result = Verify(MakeOutput(folder, input, p), input);
        Assert.True(result.Ok);
        Assert.Equal(
            ["rank", "frobenius", "l1", "lp", "maxRow", "relativeLp", "relativeFrobenius", "svd.frobenius", "svd.l1", "svd.lp", "svd.maxRow"],
            result.Figures.Select(figure => figure.Figure));
        // The oracle's SVD factors are rounded to float32; our factors are exact in it.
        Assert.All(result.Figures, figure =>
            Assert.Equal(figure.Reported, figure.Recomputed, Math.Abs(figure.Reported) * (figure.Figure.StartsWith("svd") ? 1e-6 : 1e-12)));
        Assert.Equal(["mask", "bias"], result.Untouched.Select(tensor => tensor.Name));
        Assert.Equal([false, true], result.Files.Select(file => file.IsInput));
    }

    [Fact]
    public void A_flipped_bit_in_U_is_found()
    {
        using var folder = new TemporaryFolder();
        string input = Input(folder), output = MakeOutput(folder, input);
        // From the end: mask 5 bytes, then bias 12 (float32 tensors keep their order: U, V, bias), V 12 x 4 x 4 bytes.
        FlipBit(Path.Combine(output, "model.safetensors"), 5 + 12 + 12 * 4 * 4 + 1);
        VerifyResult result = Verify(output, input);
        Assert.False(result.Ok);
        Assert.False(Assert.Single(result.Files, file => !file.IsInput).Ok);
        Assert.False(Assert.Single(result.Figures, figure => figure.Figure == "l1").Ok);
        Assert.All(result.Untouched, tensor => Assert.True(tensor.Ok));
    }

    [Fact]
    public void A_flipped_bit_in_an_untouched_tensor_is_found_and_located()
    {
        using var folder = new TemporaryFolder();
        string input = Input(folder), output = MakeOutput(folder, input);
        FlipBit(Path.Combine(output, "model.safetensors"), 2);
        VerifyResult result = Verify(output, input);
        Assert.Equal("byte 3 differs", Assert.Single(result.Untouched, tensor => !tensor.Ok).Difference);
        Assert.All(result.Figures, figure => Assert.True(figure.Ok));
    }

    [Fact]
    public void A_flattering_report_is_found()
    {
        using var folder = new TemporaryFolder();
        string input = Input(folder);
        string output = MakeOutput(folder, input, change: report => report with { Errors = report.Errors with { Frobenius = report.Errors.Frobenius * 0.999 } });
        Assert.Equal("frobenius", Assert.Single(Verify(output, input).Figures, figure => !figure.Ok).Figure);
    }

    [Fact]
    public void A_baseline_made_to_look_worse_is_found()
    {
        using var folder = new TemporaryFolder();
        string input = Input(folder);
        string output = MakeOutput(folder, input, change: report => report with { Svd = report.Svd with { L1 = report.Svd.L1 * 1.01 } });
        Assert.Equal("svd.l1", Assert.Single(Verify(output, input).Figures, figure => !figure.Ok).Figure);
    }

    [Fact]
    public void Another_input_than_the_reported_one_is_found()
    {
        using var folder = new TemporaryFolder();
        string output = MakeOutput(folder, Input(folder));
        string other = folder.Write("other.safetensors", SampleModels.File(SampleModels.Mask, SampleModels.Embedding(seed: 2), SampleModels.Bias));
        VerifyResult result = Verify(output, other);
        Assert.False(Assert.Single(result.Files, file => file.IsInput).Ok);
        Assert.False(Assert.Single(result.Figures, figure => figure.Figure == "lp").Ok);
    }

    [Fact]
    public void A_missing_output_or_report_is_exit_66_and_a_broken_report_65()
    {
        using var folder = new TemporaryFolder();
        string input = Input(folder);
        Assert.Equal(ExitCode.InputMissing, Assert.Throws<ClusterLpException>(() => Verify(folder["none"], input)).Code);
        Assert.Equal(ExitCode.InputMissing, Assert.Throws<ClusterLpException>(() => Verify(folder.Path, input)).Code);
        folder.Write("clusterlp.json", "{\"version\":1}"u8.ToArray());
        Assert.Equal(ExitCode.BadInput, Assert.Throws<ClusterLpException>(() => Verify(folder.Path, input)).Code);
    }

    [Fact]
    public void A_report_survives_its_json()
    {
        using var folder = new TemporaryFolder();
        string output = MakeOutput(folder, Input(folder));
        string path = Path.Combine(output, OutputDirectory.ReportName);
        string json = File.ReadAllText(path);
        Assert.Contains("\"method\": \"lp\"", json);
        Assert.Contains("\"fit\": \"auto\"", json);
        Assert.Equal(json, System.Text.Encoding.UTF8.GetString(ReportJson.Write(ReportJson.Read(path))));
    }
}
