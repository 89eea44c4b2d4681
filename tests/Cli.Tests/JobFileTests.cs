using ClusterLp.Cli.Commands;
using ClusterLp.Core;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;

namespace ClusterLp.Cli.Tests;

public sealed class JobFileTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_key_is_read_and_paths_are_relative_to_the_file()
    {
        string path = _folder.Write("job.json", """
            {
              // A comment.
              "model": "in/m.npy", "output": "out", "tensor": ["a*", "b"], "exclude": "*.bias", "target-error": 0.2, "p": 1.25, "tolerance": 0.001, "method": "lp", "fit": "exact", "embedding": "sparse",
              "row-weights": "w.txt", "column-metric": "h.npy", "block-rows": 512, "seed": 18446744073709551615, "dtype": "bf16", "reconstruct": true, "force": true,
              "job-dir": "/shared/job",
            }
            """);
        JobFile job = JobFile.Read(path);
        Assert.Equal(_folder["in/m.npy"], job.Spec.Input);
        Assert.Equal(_folder["out"], job.Spec.Output);
        Assert.Equal(["a*", "b"], job.Spec.Tensors.AsEnumerable());
        Assert.Equal(["*.bias"], job.Spec.Exclude.AsEnumerable());
        Assert.Equal((null, null, 0.2), (job.Spec.Rank, job.Spec.Compression, job.Spec.TargetError));
        Assert.Equal(0.001, job.Spec.Tolerance);
        Assert.Equal((1.25, Method.Lp, Fit.Exact), (job.Spec.P, job.Spec.Method, job.Spec.Fit));
        Assert.Equal(Embedding.Sparse, job.Spec.Embedding);
        Assert.Equal(_folder["w.txt"], job.Spec.RowWeights);
        Assert.Equal(_folder["h.npy"], job.Spec.ColumnMetric);
        Assert.Equal((512, ulong.MaxValue, ElementType.BF16), (job.Spec.BlockRows, job.Spec.Seed, job.Spec.Dtype));
        Assert.True(job.Spec.Reconstruct && job.Spec.Force);
        Assert.Equal("/shared/job", job.JobDirectory);
    }

    [Fact]
    public void A_compression_may_be_each_tensors_own()
    {
        JobSpec spec = JobFile.Read(_folder.Write("job.json", """{"model": "m", "compression": 0.3, "per-tensor": true, "exclude": ["a", "b"]}""")).Spec;
        Assert.Equal((0.3, true), (spec.Compression, spec.PerTensor));
        Assert.Equal(["a", "b"], spec.Exclude.AsEnumerable());
    }

    [Fact]
    public void What_is_left_out_is_as_on_the_command_line()
    {
        JobFile job = JobFile.Read(_folder.Write("job.json", """{"model": "bert/model.safetensors", "tensor": "x", "rank": 7}"""));
        Assert.Equal(_folder["model.clusterlp"], job.Spec.Output);
        Assert.Equal(["x"], job.Spec.Tensors.AsEnumerable());
        Assert.Equal((7, 1.5, Method.Lp, Fit.Auto, 0ul), (job.Spec.Rank, job.Spec.P, job.Spec.Method, job.Spec.Fit, job.Spec.Seed));
        Assert.Null(job.JobDirectory);
        Assert.False(job.Spec.AutoP);
        // Only the Frobenius error can be aimed at there.
        Assert.Equal(2, JobFile.Read(_folder.Write("job.json", """{"model": "m", "method": "krylov", "target-error": 0.1}""")).Spec.P);
        Assert.Equal(1.5, JobFile.Read(_folder.Write("job.json", """{"model": "m", "method": "krylov", "rank": 3}""")).Spec.P);
    }

    [Fact]
    public void P_may_be_left_to_the_job() =>
        Assert.True(JobFile.Read(_folder.Write("job.json", """{"model": "m.npy", "rank": 2, "p": "auto"}""")).Spec.AutoP);

    [Theory]
    [InlineData(ExitCode.Usage, "unknown key \"ranks\"", """{"model": "m.npy", "ranks": 2}""")]
    [InlineData(ExitCode.Usage, "\"model\" is missing", """{"rank": 2}""")]
    [InlineData(ExitCode.Usage, "\"rank\" is \"2\"; expected a whole number", """{"model": "m.npy", "rank": "2"}""")]
    [InlineData(ExitCode.Usage, "\"rank\" is 2.5", """{"model": "m.npy", "rank": 2.5}""")]
    [InlineData(ExitCode.Usage, "\"rank\" is null", """{"model": "m.npy", "rank": null}""")]
    [InlineData(ExitCode.Usage, "\"p\" is \"best\"; expected a number or \"auto\"", """{"model": "m.npy", "p": "best"}""")]
    [InlineData(ExitCode.Usage, "\"seed\" is -1", """{"model": "m.npy", "seed": -1}""")]
    [InlineData(ExitCode.Usage, "\"method\" is \"l1\"; expected one of lp, lewis, svd", """{"model": "m.npy", "method": "l1"}""")]
    [InlineData(ExitCode.Usage, "\"dtype\" is \"i8\"", """{"model": "m.npy", "dtype": "i8"}""")]
    [InlineData(ExitCode.Usage, "\"force\" is 1; expected true or false", """{"model": "m.npy", "force": 1}""")]
    [InlineData(ExitCode.Usage, "\"tensor\" is [1]", """{"model": "m.npy", "tensor": [1]}""")]
    [InlineData(ExitCode.Usage, "\"model\" is 3; expected a path", """{"model": 3}""")]
    [InlineData(ExitCode.BadInput, "expected a JSON object", "[]")]
    [InlineData(ExitCode.BadInput, "not JSON", "{")]
    [InlineData(ExitCode.BadInput, "not JSON", """{"model": "a", "model": "b"}""")]
    public void A_wrong_job_file_is_refused_with_its_name_and_the_key(ExitCode code, string expected, string text)
    {
        string path = _folder.Write("job.json", text);
        var error = Assert.Throws<ClusterLpException>(() => JobFile.Read(path));
        Assert.Equal(code, error.Code);
        Assert.StartsWith(path, error.Message);
        Assert.Contains(expected, error.Message);
    }

    [Theory]
    [InlineData("bert/model.safetensors", "model.clusterlp")]
    [InlineData("model.safetensors.index.json", "model.clusterlp")]
    [InlineData("models/bert/", "bert.clusterlp")]
    [InlineData("lid.176.ftz", "lid.176.clusterlp")]
    [InlineData("glove.6B.300d", "glove.6B.300d.clusterlp")]
    public void The_default_output_is_the_models_name_in_the_current_directory(string model, string output) =>
        Assert.Equal(output, JobOptions.DefaultOutput(model));
}
