using System.Diagnostics;
using ClusterLp.Core;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Tests.Demo;

/// <summary>The command as a process, as ./demo starts it.</summary>
public sealed class DemoCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("clusterlp-demo-tests-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static (ExitCode Code, string Output, string Complaint) Run(params string[] arguments)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "clusterlp.dll");
        using Process process = Process.Start(new ProcessStartInfo("dotnet", [program, "demo", .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> complaint = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return ((ExitCode)process.ExitCode, output, complaint.Result);
    }

    [Fact]
    public void Without_inputs_it_compresses_a_matrix_that_it_calls_synthetic()
    {
        (ExitCode code, string output, string complaint) = Run("--rows", "640", "--columns", "16", "--out", _folder);

        Assert.True(code == ExitCode.Done, complaint);
        Assert.Contains("SYNTHETIC", output);
        foreach ((string compression, int rank) in new[] { ("0.28", 11), ("0.5", 7) })
        {
            // k = floor((1 - c) n d / (n + d)).
            TensorReport svd = ReportJson.Read(Path.Combine(_folder, $"svd-{compression}", "clusterlp.json")).Tensors[0];
            TensorReport lp = ReportJson.Read(Path.Combine(_folder, $"p1.5-{compression}", "clusterlp.json")).Tensors[0];
            Assert.Equal((rank, rank), (svd.Rank, lp.Rank));
            Assert.True(lp.Errors.Lp < svd.Errors.Lp, $"l_1.5 {lp.Errors.Lp} against SVD's {svd.Errors.Lp}");
            Assert.Contains(FormattableString.Invariant($"{lp.Errors.L1 / svd.Errors.L1:F3}"), output);
        }
    }

    [Fact]
    public void A_model_needs_text_to_be_tried_on()
    {
        (ExitCode code, _, string complaint) = Run("--lid", "lid.176.ftz");
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("--udhr", complaint);
    }

    [Fact]
    public void An_export_needs_something_to_export()
    {
        (ExitCode code, _, string complaint) = Run("--export", _folder);
        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains("--nnue", complaint);
    }

    [Fact]
    public void A_missing_network_is_named()
    {
        string missing = Path.Combine(_folder, "stockfish.wasm");
        (ExitCode code, _, string complaint) = Run("--nnue", missing);
        Assert.Equal(ExitCode.InputMissing, code);
        Assert.Contains(missing, complaint);
    }
}
