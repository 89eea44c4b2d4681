using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Tests.Formats;

namespace ClusterLp.Core.Tests.Jobs;

public sealed class PlannerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static (string, string, string, byte[]) Zeros(string name, string dtype, int size, params int[] shape) =>
        (name, dtype, $"[{string.Join(",", shape)}]", new byte[shape.Aggregate(size, (product, extent) => product * extent)]);

    private JobSpec Spec(params (string, string, string, byte[])[] tensors) => new()
    {
        Input = _folder.Write("m.safetensors", SampleModels.File(tensors)),
        Output = _folder["out"],
        Compression = 0.5,
    };

    private JobSpec Simple() => Spec(Zeros("emb.weight", "F32", 4, 100, 20));

    private static void AssertRefused(ExitCode code, JobSpec spec, params string[] words)
    {
        var error = Assert.Throws<ClusterLpException>(() => JobPlanner.Plan(spec));
        Assert.Equal(code, error.Code);
        Assert.All(words, word => Assert.Contains(word, error.Message));
        Assert.EndsWith(".", error.Message);
    }

    [Theory]
    [InlineData(50265, 768, 0.28, 544)]
    [InlineData(50265, 768, 0.43, 431)]
    [InlineData(100, 100, 0.9, 5)]
    [InlineData(100, 100, 0.28, 36)]
    [InlineData(10, 10, 0.999, 1)]
    [InlineData(1L << 40, 8192, 0.5, 4095)]
    public void Rank_follows_from_compression(long n, int d, double compression, int rank) =>
        Assert.Equal(rank, RankRule.FromCompression(n, d, compression));

    [Theory]
    [InlineData(100, 20)]
    [InlineData(3, 3)]
    [InlineData(2, 2)]
    [InlineData(1, 500)]
    [InlineData(50265, 768)]
    public void The_largest_rank_shrinks_and_the_next_does_not(int n, int d)
    {
        int largest = RankRule.Largest(n, d);
        Assert.True((long)largest * (n + d) < (long)n * d);
        Assert.True((long)(largest + 1) * (n + d) >= (long)n * d);
    }

    [Theory]
    [InlineData(Method.Svd, Fit.Coreset, null, "method lewis")]
    [InlineData(Method.Lp, Fit.Exact, null, "fit auto")]
    [InlineData(Method.Lp, Fit.Joint, null, "fit auto")]
    [InlineData(Method.Lp, Fit.Coreset, 0.1, "exact Gram matrix")]
    public void A_sparse_embedding_needs_a_fit_that_scores_rows(Method method, Fit fit, double? exactRows, string word) =>
        AssertRefused(ExitCode.Usage, Simple() with { Embedding = Embedding.Sparse, Method = method, Fit = fit, ExactRows = exactRows }, "embedding sparse", word);

    [Fact]
    public void A_sparse_embedding_is_planned_where_its_sketches_are_not_too_large()
    {
        Assert.Equal(Embedding.Sparse, Assert.Single(JobPlanner.Plan(Simple() with { Embedding = Embedding.Sparse, Method = Method.Lewis }).Tensors).Embedding);
        JobSpec wide = Spec(Zeros("emb.weight", "F16", 2, 4200, 4100)) with { Embedding = Embedding.Sparse, Method = Method.Lewis, Tensors = ["emb.weight"] };
        AssertRefused(ExitCode.BadInput, wide, "4100 columns", "more than 4096", "embedding exact");
    }

    [Fact]
    public void By_default_every_matrix_that_would_shrink_is_taken_and_the_others_are_listed_with_their_reason()
    {
        JobPlan plan = JobPlanner.Plan(Spec(
            Zeros("a.weight", "F32", 4, 100, 20), Zeros("bias", "F32", 4, 20), Zeros("ids", "I64", 8, 30, 30), Zeros("b", "BF16", 2, 40, 40),
            Zeros("tiny", "F32", 4, 2, 2), Zeros("none", "F32", 4, 0, 4), Zeros("conv", "F32", 4, 4, 4, 3)) with { Seed = 9, PerTensor = true });
        Assert.Equal(["a.weight", "b"], plan.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([0, 1], plan.Tensors.Select(tensor => tensor.Index));
        Assert.Equal([8, 10], plan.Tensors.Select(tensor => tensor.Rank));
        Assert.Equal([ElementType.F32, ElementType.BF16], plan.Tensors.Select(tensor => tensor.FactorType));
        Assert.All(plan.Tensors, tensor => Assert.Equal((9UL, 1.5, _folder["m.safetensors"]), (tensor.Seed, tensor.P, tensor.Input)));
        string[] reasons = ["1 dimension", "I64", "no rank", "empty", "3 dimension"];
        Assert.Equal(["bias", "ids", "tiny", "none", "conv"], plan.Skipped.Select(tensor => tensor.Name));
        Assert.All(plan.Skipped.Zip(reasons), pair => Assert.Contains(pair.Second, pair.First.Reason));
    }

    [Fact]
    public void Tensors_are_chosen_by_name_and_glob()
    {
        JobSpec spec = Spec(Zeros("l.0.weight", "F32", 4, 60, 20), Zeros("l.1.weight", "F32", 4, 60, 20), Zeros("l.1.bias", "F32", 4, 20),
            Zeros("a*b", "F32", 4, 60, 20), Zeros("axb", "F32", 4, 60, 20), Zeros("L.2.weight", "F32", 4, 60, 20));
        string[] Names(params string[] patterns) => [.. JobPlanner.Plan(spec with { Tensors = [.. patterns] }).Tensors.Select(t => t.Name)];
        Assert.Equal(["l.0.weight", "l.1.weight"], Names("l.*"));
        Assert.Equal(["l.0.weight", "l.1.weight", "L.2.weight"], Names("?.?.weight"));
        Assert.Equal(["l.1.weight"], Names("l.1.weight"));
        Assert.Equal(["a*b"], Names("a*b"));
        Assert.Equal(["l.0.weight", "axb"], Names("ax?", "l.0*", "axb"));
    }

    [Fact]
    public void What_is_excluded_stays_whatever_selects_it()
    {
        JobSpec spec = Spec(Zeros("l.0.weight", "F32", 4, 60, 20), Zeros("l.1.weight", "F32", 4, 60, 20), Zeros("head", "F32", 4, 60, 20));
        JobPlan plan = JobPlanner.Plan(spec with { Exclude = ["l.*"] });
        Assert.Equal(["head"], plan.Tensors.Select(tensor => tensor.Name));
        Assert.All(plan.Skipped, tensor => Assert.Equal("excluded", tensor.Reason));
        Assert.Equal(["l.1.weight"], JobPlanner.Plan(spec with { Tensors = ["l.0.weight", "l.1.weight"], Exclude = ["l.0.weight"] }).Tensors.Select(tensor => tensor.Name));
        AssertRefused(ExitCode.BadInput, spec with { Exclude = ["*"] }, "every selected tensor is excluded");
        AssertRefused(ExitCode.BadInput, spec with { Exclude = ["lm_head"] }, "no tensor matches \"lm_head\"", "head");
    }

    [Fact]
    public void Several_tensors_share_what_the_compression_leaves_unless_each_has_its_own()
    {
        JobSpec spec = Spec(Zeros("a", "F32", 4, 60, 20), Zeros("b", "F16", 2, 100, 20), Zeros("bias", "F32", 4, 20));
        Assert.All(JobPlanner.Plan(spec).Tensors, tensor => Assert.Equal((null, 1600L), (tensor.Rank, tensor.SharedBudget)));
        Assert.Equal([(7, null), (8, (long?)null)], JobPlanner.Plan(spec with { PerTensor = true }).Tensors.Select(tensor => (tensor.Rank!.Value, tensor.SharedBudget)));
        Assert.Equal((7, null), JobPlanner.Plan(spec with { Tensors = ["a"] }).Tensors.Select(tensor => (tensor.Rank!.Value, tensor.SharedBudget)).Single());
        // 3200 elements, 5 % of them, and 200 for two ranks of 1.
        AssertRefused(ExitCode.BadInput, spec with { Compression = 0.95 }, "leaves 160 elements for 2 tensors", "takes 200");
        AssertRefused(ExitCode.Usage, spec with { Compression = null, Rank = 2, PerTensor = true }, "per-tensor belongs to compression");
    }

    [Fact]
    public void A_pattern_without_a_match_lists_the_nearest_names()
    {
        JobSpec spec = Spec(Zeros("encoder.weight", "F32", 4, 60, 20), Zeros("word_embeddings.weight", "F32", 4, 60, 20), Zeros("z", "F32", 4, 60, 20));
        AssertRefused(ExitCode.BadInput, spec with { Tensors = ["word_embedings.weight"] }, "\"word_embedings.weight\"", "names are word_embeddings.weight");
        AssertRefused(ExitCode.BadInput, spec with { Tensors = ["*.encoder*"] }, "nearest names");
    }

    [Fact]
    public void A_named_tensor_that_cannot_be_compressed_is_an_error()
    {
        JobSpec spec = Spec(Zeros("m", "F32", 4, 60, 20), Zeros("bias", "F32", 4, 20), Zeros("ids", "I32", 4, 60, 20));
        AssertRefused(ExitCode.BadInput, spec with { Tensors = ["bias"] }, "\"bias\"", "1 dimension");
        AssertRefused(ExitCode.BadInput, spec with { Tensors = ["ids"] }, "\"ids\"", "I32");
        AssertRefused(ExitCode.BadInput, spec with { Tensors = ["b*"] }, "\"bias\"");
    }

    [Fact]
    public void A_wide_matrix_is_fitted_as_its_transpose_unless_something_belongs_to_its_rows_or_columns()
    {
        JobSpec spec = Spec(Zeros("down", "F16", 2, 20, 9000), Zeros("up", "F32", 4, 60, 20), Zeros("square", "F32", 4, 20, 20)) with { PerTensor = true };
        TensorPlan[] plans = [.. JobPlanner.Plan(spec).Tensors];
        Assert.Equal([(true, 9000L, 20), (false, 60L, 20), (false, 20L, 20)], plans.Select(tensor => (tensor.Transposed, tensor.Rows, tensor.Columns)));
        Assert.Equal((20L, 9000L), plans[0].Shape);
        Assert.Equal(RankRule.FromCompression(20, 9000, 0.5), plans[0].Rank);
        string weights = _folder.Write("w.txt", "1"u8.ToArray());
        AssertRefused(ExitCode.BadInput, spec with { Tensors = ["down"], RowWeights = weights }, "9000 columns", "Gram");
        using IModel model = ModelFiles.Open(spec.Input);
        Assert.Throws<ClusterLpException>(() => PlannedMatrix.Open(model, plans[0] with { Rows = 9001 }));
    }

    [Fact]
    public void A_matrix_too_large_both_ways_is_refused()
    {
        const int side = 8193;
        string header = $"{{\"m\":{{\"dtype\":\"F16\",\"shape\":[{side},{side}],\"data_offsets\":[0,{2L * side * side}]}}}}";
        string path = _folder.Write("large.safetensors", Craft.Safetensors(header));
        // A hole: nothing of it is stored.
        using (FileStream file = File.OpenWrite(path))
            file.SetLength(file.Length + 2L * side * side);
        AssertRefused(ExitCode.BadInput, Simple() with { Input = path }, "8193 columns", "Gram");
    }

    [Fact]
    public void Tensors_of_the_same_bytes_are_tied_and_count_once()
    {
        (string, string, string, byte[]) Matrix(string name, byte last) =>
            (name, "F32", "[60,20]", [.. Enumerable.Range(0, 60 * 20 * 4 - 1).Select(i => (byte)(i % 50)), last]);
        JobPlan plan = JobPlanner.Plan(Spec(Matrix("a", 1), Matrix("b", 2), Matrix("c", 1), Zeros("d", "F32", 4, 20, 60), Matrix("e", 2)));
        Assert.Equal(["a", "b", "d"], plan.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([0, 1, 2], plan.Tensors.Select(tensor => tensor.Index));
        Assert.Equal([new TiedTensor("c", "a"), new TiedTensor("e", "b")], plan.Ties.AsEnumerable());
        Assert.All(plan.Tensors, tensor => Assert.Equal(3 * 600L, tensor.SharedBudget));
        Assert.False(plan.TiesWordEmbeddings);
    }

    [Fact]
    public void A_rank_that_would_not_shrink_the_tensor_is_refused()
    {
        JobSpec spec = Simple() with { Compression = null, Tensors = ["emb.weight"] };
        // 16 (100 + 20) = 1920 < 2000 <= 17 (100 + 20).
        Assert.Equal(16, JobPlanner.Plan(spec with { Rank = 16 }).Tensors[0].Rank);
        AssertRefused(ExitCode.BadInput, spec with { Rank = 17 }, "rank 17 would not shrink", "100 x 20", "largest that does is 16");
        AssertRefused(ExitCode.BadInput, spec with { Rank = 21 }, "rank 21");
        AssertRefused(ExitCode.BadInput, spec with { Rank = 0 }, "rank is 0");
    }

    [Fact]
    public void Exactly_one_goal_is_needed()
    {
        JobSpec spec = Simple();
        AssertRefused(ExitCode.Usage, spec with { Compression = null }, "rank, compression and target-error");
        AssertRefused(ExitCode.Usage, spec with { Rank = 3 }, "more than one");
        Assert.Null(JobPlanner.Plan(spec with { Compression = null, TargetError = 0.1 }).Tensors[0].Rank);
    }

    [Theory]
    [InlineData(0.99)]
    [InlineData(2.01)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void P_outside_1_to_2_is_refused(double p) => AssertRefused(ExitCode.BadInput, Simple() with { P = p }, "p is", "from 1 to 2");

    [Theory, InlineData(0), InlineData(9e-6), InlineData(0.51), InlineData(double.NaN)]
    public void A_tolerance_is_from_1e_5_to_a_half(double value) =>
        AssertRefused(ExitCode.BadInput, Simple() with { Tolerance = value }, "tolerance is", "from 1e-5", "to 0.5");

    [Fact]
    public void A_tolerance_reaches_the_plan_and_belongs_to_method_lp()
    {
        Assert.Equal(1e-5, JobPlanner.Plan(Simple() with { Tolerance = 1e-5 }).Tensors[0].Tolerance);
        Assert.Null(JobPlanner.Plan(Simple()).Tensors[0].Tolerance);
        AssertRefused(ExitCode.Usage, Simple() with { Tolerance = 0.01, Method = Method.Svd }, "tolerance belongs to methods lp and simplex");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(-0.2)]
    [InlineData(double.NaN)]
    public void Compression_and_target_error_outside_0_to_1_are_refused(double value)
    {
        AssertRefused(ExitCode.BadInput, Simple() with { Compression = value }, "compression is", "between 0 and 1");
        AssertRefused(ExitCode.BadInput, Simple() with { Compression = null, TargetError = value }, "target-error is", "between 0 and 1");
    }

    [Fact]
    public void Block_rows_are_bounded_and_default_to_the_partition_rule()
    {
        Assert.Equal(100, JobPlanner.Plan(Simple() with { BlockRows = 1 << 30 }).Tensors[0].BlockRows);
        Assert.Equal(7, JobPlanner.Plan(Simple() with { BlockRows = 7 }).Tensors[0].BlockRows);
        Assert.Equal(100, JobPlanner.Plan(Simple()).Tensors[0].BlockRows);
        AssertRefused(ExitCode.BadInput, Simple() with { BlockRows = 0 }, "block-rows is 0");
    }

    [Theory]
    [InlineData(16_000, 96, 32, 500)]
    // At least 4 d rows, or 2 d rather than fewer than 8 blocks.
    [InlineData(50_265, 768, 16, 3142)]
    [InlineData(6145, 768, 4, 1537)]
    [InlineData(8192, 256, 8, 1024)]
    [InlineData(4096, 256, 8, 512)]
    // At most 16 MiB, or 512 rows.
    [InlineData(4_000_000, 256, 248, 16_130)]
    [InlineData(20_000, 16_384, 40, 500)]
    // A short matrix is one block.
    [InlineData(1000, 768, 1, 1000)]
    [InlineData(1, 1, 1, 1)]
    public void Blocks_are_cut_evenly_to_the_size_that_suits_the_matrix(long rows, int columns, int blocks, int height)
    {
        Assert.Equal(height, BlockPartition.DefaultBlockRows(rows, columns));
        Assert.Equal(blocks, new BlockPartition(rows, height).Count);
    }

    [Fact]
    public void Factor_types_are_floating_types_of_32_or_16_bits()
    {
        Assert.Equal(ElementType.BF16, JobPlanner.Plan(Simple() with { Dtype = ElementType.BF16 }).Tensors[0].FactorType);
        AssertRefused(ExitCode.BadInput, Simple() with { Dtype = ElementType.F64 }, "F64", "f32, f16 or bf16");
    }

    [Fact]
    public void Row_weights_must_exist_and_belong_to_one_tensor()
    {
        string weights = _folder.Write("w.txt", "1\n"u8.ToArray());
        Assert.Equal(weights, JobPlanner.Plan(Simple() with { RowWeights = weights }).Tensors[0].RowWeights);
        AssertRefused(ExitCode.InputMissing, Simple() with { RowWeights = _folder["none.txt"] }, "none.txt");
        AssertRefused(ExitCode.Usage, Spec(Zeros("a", "F32", 4, 60, 20), Zeros("b", "F32", 4, 60, 20)) with { RowWeights = weights }, "one tensor", "a, b");
    }

    [Fact]
    public void A_column_metric_must_exist_fit_the_tensor_and_belong_to_one()
    {
        string metric = _folder.Write("h.npy", Craft.Npy("<f8", "(20, 20)", Craft.Bytes([.. Enumerable.Range(0, 400).Select(i => i / 20 == i % 20 ? 1.0 : 0.5)])));
        Assert.Equal(metric, JobPlanner.Plan(Simple() with { ColumnMetric = metric }).Tensors[0].ColumnMetric);
        AssertRefused(ExitCode.InputMissing, Simple() with { ColumnMetric = _folder["none.npy"] }, "none.npy");
        AssertRefused(ExitCode.Usage, Spec(Zeros("a", "F32", 4, 60, 20), Zeros("b", "F32", 4, 60, 20)) with { ColumnMetric = metric }, "column metric", "one tensor");
        AssertRefused(ExitCode.BadInput, Spec(Zeros("a", "F32", 4, 60, 21)) with { ColumnMetric = metric }, metric, "expected (21, 21)");
    }

    [Fact]
    public void An_existing_output_and_an_input_inside_it_are_refused_before_any_work()
    {
        JobSpec spec = Simple();
        _folder.Write("out/clusterlp.json", [1]);
        AssertRefused(ExitCode.CannotWrite, spec, "--force");
        Assert.Single(JobPlanner.Plan(spec with { Force = true }).Tensors);
        File.Move(spec.Input, _folder["out/m.safetensors"]);
        AssertRefused(ExitCode.CannotWrite, spec with { Force = true, Input = _folder["out/m.safetensors"] }, "holds the input");
    }

    [Fact]
    public void A_factor_cannot_take_another_tensors_name() =>
        AssertRefused(ExitCode.BadInput, Spec(Zeros("e.weight", "F32", 4, 60, 20), Zeros("e.1.weight", "F32", 4, 3)), "\"e.weight\"", "\"e.1.weight\"");

    [Fact]
    public void The_id_depends_on_the_request_and_the_input_and_on_nothing_else()
    {
        JobSpec spec = Simple();
        JobId id = JobPlanner.Plan(spec).Id;
        Assert.Equal(id, JobPlanner.Plan(spec with { Force = true }).Id);
        Assert.NotEqual(id, JobPlanner.Plan(spec with { Seed = 1 }).Id);
        Assert.Equal(new JobId("mine"), JobPlanner.Plan(spec, new JobId("mine")).Id);
        File.SetLastWriteTimeUtc(spec.Input, new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        Assert.NotEqual(id, JobPlanner.Plan(spec).Id);
    }
}
