using System.Text.Json;
using ClusterLp.Core;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Tests;

/// <summary>The whole job through the command line, from a generated file to verified output.</summary>
public sealed class CompressTests : IDisposable
{
    private readonly Folder _folder = new();
    private readonly string _model;

    public CompressTests() => _model = _folder.WriteMatrix("emb.npy", 1500, 24);

    public void Dispose() => _folder.Dispose();

    private Task<CommandLine> CompressAsync(string output, params string[] more) =>
        CommandLine.RunAsync(["compress", _model, "--output", _folder[output], .. more]);

    [Fact]
    public async Task Compress_writes_a_model_that_verify_confirms_and_leaves_nothing_else()
    {
        CommandLine run = await CompressAsync("out", "--compression", "0.5");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        Assert.Contains("1500 x 24", run.Out);
        Assert.Contains("SVD", run.Out);
        Assert.Equal(["clusterlp.json", "clusterlp.md", "model.safetensors"], Directory.GetFileSystemEntries(_folder["out"]).Select(Path.GetFileName).Order());
        Assert.Equal(["emb.npy", "out"], Directory.GetFileSystemEntries(_folder.Root).Select(Path.GetFileName).Order());

        CommandLine verify = await CommandLine.RunAsync("verify", _folder["out"], "--against", _model);
        Assert.True(verify.Code == ExitCode.Done, verify.Out + verify.Error);
        Assert.Contains("match", verify.Out);
    }

    [Fact]
    public async Task Json_is_the_report_and_the_only_thing_on_standard_output()
    {
        CommandLine run = await CompressAsync("out", "--rank", "5", "--p", "1", "--json", "--quiet");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        JobReport report = JsonSerializer.Deserialize<JobReport>(run.Out, ReportJson.Options)!;
        TensorReport tensor = Assert.Single(report.Tensors);
        Assert.Equal(("emb", 1500L, 24, 5, 1.0, "lp"), (tensor.Name, tensor.Rows, tensor.Columns, tensor.Rank, tensor.P, tensor.Method));
        Assert.Equal(1500 * 24 * 4, tensor.BytesBefore);
        Assert.Equal((1500 + 24) * 5 * 4, tensor.BytesAfter);
        Assert.True(tensor.Errors.L1 < tensor.Svd.L1, "l_1 does no better than SVD in l_1 on a matrix with outliers");
        Assert.True(tensor.Errors.Frobenius >= tensor.Svd.Frobenius * (1 - 1e-5), "SVD is not the best in Frobenius");
        Assert.Equal(run.Out, File.ReadAllText(Path.Combine(_folder["out"], "clusterlp.json")));
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(_model))), Assert.Single(report.Inputs).Sha256);
        KernelUse kernels = report.Seconds.Kernels!;
        Assert.True(kernels is { Products: > 0, Grams: > 0, Factorisations: > 0, Elementwise: > 0 } && kernels.Share > 0 && kernels.Busy > 0 && kernels.Busy < report.Seconds.Total, kernels.ToString());
        Assert.InRange(kernels.Cores, 1, Environment.ProcessorCount);
        Assert.Empty(run.Error);
    }

    [Fact]
    public async Task A_sparse_matrix_is_inspected_compressed_by_any_number_of_workers_to_the_same_bytes_and_verified()
    {
        const int n = 1500, d = 30;
        var random = new Random(1);
        List<int> columns = [], pointers = [0];
        for (int i = 0; i < n; i++, pointers.Add(columns.Count))
            columns.AddRange(Enumerable.Range(0, d).Where(_ => random.Next(12) == 0));
        string path = _folder["counts.npz"];
        File.WriteAllBytes(path, ClusterLp.Core.Tests.Formats.Craft.Csr(n, d, pointers, columns, [.. columns.Select(column => (double)random.Next(1, 9 + column))],
            level: System.IO.Compression.CompressionLevel.Optimal));
        CommandLine inspect = await CommandLine.RunAsync("inspect", path);
        Assert.True(inspect.Code == ExitCode.Done, inspect.Error);
        Assert.Contains($"{n} x {d}", inspect.Out);
        foreach ((string workers, string output) in new[] { ("1", "one"), ("3", "three") })
        {
            CommandLine run = await CommandLine.RunAsync("compress", path, "--output", _folder[output], "--rank", "8", "--workers", workers, "--method", "lewis", "--embedding", "sparse");
            Assert.True(run.Code == ExitCode.Done, run.Error);
            Assert.Contains("sparse embeddings", string.Join(' ', run.Out.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
            Assert.Equal("sparse", Assert.Single(ReportJson.Read(Path.Combine(_folder[output], "clusterlp.json")).Tensors).Embedding);
        }
        Assert.Equal(File.ReadAllBytes(Path.Combine(_folder["one"], "model.safetensors")), File.ReadAllBytes(Path.Combine(_folder["three"], "model.safetensors")));
        CommandLine verify = await CommandLine.RunAsync("verify", _folder["one"], "--against", path);
        Assert.True(verify.Code == ExitCode.Done, verify.Out + verify.Error);
    }

    [Fact]
    public async Task P_and_the_rank_may_be_left_to_the_job()
    {
        CommandLine run = await CompressAsync("out", "--p", "auto", "--target-error", "0.5", "--dtype", "f16");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        TensorReport tensor = Assert.Single(ReportJson.Read(Path.Combine(_folder["out"], "clusterlp.json")).Tensors);
        Assert.Equal(tensor.P, tensor.AutoP!.P);
        Assert.Equal((true, tensor.Rank), (tensor.TargetMet, tensor.Search!.Tries[^1].Rank));
        Assert.Contains(FormattableString.Invariant($"p = {tensor.P} (auto)"), run.Out);
        Assert.Contains("The target error is met", run.Out);
        CommandLine verify = await CommandLine.RunAsync("verify", _folder["out"], "--against", _model);
        Assert.True(verify.Code == ExitCode.Done, verify.Out + verify.Error);
    }

    [Fact]
    public async Task Weights_and_a_metric_are_verified_from_their_files_and_their_loss_is_named()
    {
        string weights = _folder["w.txt"];
        File.WriteAllLines(weights, Enumerable.Range(0, 1500).Select(i => $"{1 + i % 7}"));
        // Positive definite, and float32 all its entries.
        string metric = _folder.WriteMatrix("h.npy", 24, 24);
        byte[] bytes = File.ReadAllBytes(metric);
        float[] h = [.. Enumerable.Range(0, 24 * 24).Select(i => i / 24 == i % 24 ? 4f + i % 5 : 0.125f)];
        System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(h).CopyTo(bytes.AsSpan(bytes.Length - 4 * h.Length));
        File.WriteAllBytes(metric, bytes);
        CommandLine run = await CompressAsync("out", "--rank", "6", "--row-weights", weights, "--column-metric", metric);
        Assert.True(run.Code == ExitCode.Done, run.Error);
        Assert.Contains("in the metric", run.Out);
        CommandLine verify = await CommandLine.RunAsync("verify", _folder["out"], "--against", _model);
        Assert.True(verify.Code == ExitCode.Done, verify.Out + verify.Error);
        Assert.All(["weightedLp", "svd.weightedLp", "metric.lp", "metric.svd.weightedLp"], figure => Assert.Contains(figure, verify.Out));

        File.Move(weights, weights + ".moved");
        verify = await CommandLine.RunAsync("verify", _folder["out"], "--against", _model);
        Assert.Equal(ExitCode.Done, verify.Code);
        Assert.Contains("Not recomputed", verify.Out);
        verify = await CommandLine.RunAsync("verify", _folder["out"], "--against", _model, "--row-weights", weights + ".moved");
        Assert.Contains("svd.weightedLp", verify.Out);
        File.WriteAllLines(weights, Enumerable.Range(0, 1500).Select(i => $"{1 + i % 5}"));
        verify = await CommandLine.RunAsync("verify", _folder["out"], "--against", _model);
        Assert.Equal(ExitCode.BadInput, verify.Code);
        Assert.Contains("DIFFERS", verify.Out);
    }

    [Fact]
    public async Task An_existing_output_is_replaced_only_with_force()
    {
        Assert.Equal(ExitCode.Done, (await CompressAsync("out", "--rank", "3")).Code);
        byte[] before = File.ReadAllBytes(Path.Combine(_folder["out"], "model.safetensors"));
        CommandLine refused = await CompressAsync("out", "--rank", "4");
        Assert.Equal(ExitCode.CannotWrite, refused.Code);
        Assert.Contains("--force", refused.Error);
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(_folder["out"], "model.safetensors")));
        Assert.Equal(ExitCode.Done, (await CompressAsync("out", "--rank", "4", "--force")).Code);
        Assert.NotEqual(before, File.ReadAllBytes(Path.Combine(_folder["out"], "model.safetensors")));
    }

    [Fact]
    public async Task An_altered_output_fails_verification_with_65()
    {
        Assert.Equal(ExitCode.Done, (await CompressAsync("out", "--rank", "3")).Code);
        string file = Path.Combine(_folder["out"], "model.safetensors");
        byte[] bytes = File.ReadAllBytes(file);
        bytes[^100] ^= 0x40;
        File.WriteAllBytes(file, bytes);
        CommandLine verify = await CommandLine.RunAsync("verify", _folder["out"], "--against", _model);
        Assert.Equal(ExitCode.BadInput, verify.Code);
        Assert.Contains("SHA-256", verify.Out);
        Assert.Contains("do not match", verify.Error);
    }

    [Theory]
    [InlineData(ExitCode.BadInput, "p is 3", "--rank", "3", "--p", "3")]
    [InlineData(ExitCode.BadInput, "would not shrink", "--rank", "24")]
    [InlineData(ExitCode.BadInput, "no tensor matches", "--rank", "3", "--tensor", "nonesuch")]
    [InlineData(ExitCode.Usage, "exactly one of", "--rank", "3", "--compression", "0.5")]
    [InlineData(ExitCode.Usage, "exactly one of")]
    [InlineData(ExitCode.InputMissing, "no such file of row weights", "--rank", "3", "--row-weights", "nonesuch.txt")]
    public async Task What_cannot_be_done_is_refused_before_anything_is_written(ExitCode code, string expected, params string[] options)
    {
        CommandLine run = await CompressAsync("out", options);
        Assert.Equal(code, run.Code);
        Assert.Contains(expected, run.Error);
        Assert.Equal(["emb.npy"], Directory.GetFileSystemEntries(_folder.Root).Select(Path.GetFileName));
    }

    [Fact]
    public async Task A_named_job_directory_is_kept_and_its_status_is_done()
    {
        CommandLine run = await CompressAsync("out", "--rank", "3", "--job-dir", _folder["job"]);
        Assert.True(run.Code == ExitCode.Done, run.Error);
        CommandLine status = await CommandLine.RunAsync("status", "--job-dir", _folder["job"]);
        Assert.Contains(": done", status.Out);
    }

    [Fact]
    public async Task Rows_of_U_are_written_once_where_the_output_has_them()
    {
        if (OperatingSystem.IsWindows())
            return;
        CommandLine run = await CompressAsync("out", "--rank", "3", "--job-dir", _folder["job"]);
        Assert.True(run.Code == ExitCode.Done, run.Error);
        string written = Assert.Single(Directory.GetFiles(Path.Combine(_folder["job"], "blobs", "t0", "factorise")));
        string output = Path.Combine(_folder["out"], "model.safetensors");
        Assert.Equal(File.ReadAllBytes(output), File.ReadAllBytes(written));
        // One file by two names, not a copy.
        using (FileStream file = File.OpenWrite(written))
            file.WriteByte(0xff);
        Assert.Equal(File.ReadAllBytes(output), File.ReadAllBytes(written));
    }

    [Fact]
    public async Task An_interrupted_job_exits_130_and_cleans_up()
    {
        using var stopped = new CancellationTokenSource();
        stopped.Cancel();
        CommandLine run = await CommandLine.RunAsync(stopped.Token, "compress", _model, "--output", _folder["out"], "--rank", "3");
        Assert.Equal(ExitCode.Interrupted, run.Code);
        Assert.Contains("interrupted", run.Error);
        Assert.Equal(["emb.npy"], Directory.GetFileSystemEntries(_folder.Root).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Doctor_finds_that_a_tiny_fit_agrees_with_brute_force()
    {
        CommandLine run = await CommandLine.RunAsync("doctor", "--json");
        Assert.True(run.Code == ExitCode.Done, run.Out);
        JsonElement check = JsonDocument.Parse(run.Out).RootElement.EnumerateArray().Single(finding => finding.GetProperty("subject").GetString() == "self-check");
        Assert.Equal("ok", check.GetProperty("verdict").GetString());
    }

    [Fact]
    public async Task Doctor_looks_at_what_a_run_would_use()
    {
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        string used = taken.LocalEndpoint.ToString()!;
        CommandLine run = await CommandLine.RunAsync(
            "doctor", "--json", "--http", used, "--job-dir", _folder["jobs"], "--otlp", $"http://{used}");
        Assert.Equal(ExitCode.Internal, run.Code);
        Dictionary<string, string> verdicts = JsonDocument.Parse(run.Out).RootElement.EnumerateArray()
            .ToDictionary(finding => finding.GetProperty("subject").GetString()!, finding => finding.GetProperty("verdict").GetString()!);
        Assert.Equal(("failed", "ok", "ok"), (verdicts["--http"], verdicts["trace collector"], verdicts["job directory"]));
        Assert.Empty(Directory.GetFileSystemEntries(_folder["jobs"]));

        taken.Stop();
        run = await CommandLine.RunAsync("doctor", "--json", "--http", used, "--otlp", $"http://{used}");
        Assert.Equal(ExitCode.Done, run.Code);
        Assert.Contains($"{used} is free", run.Out);
        Assert.Contains($"http://{used}/v1/traces (HTTP) cannot be reached", run.Out);
    }
}
