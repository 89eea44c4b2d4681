using ClusterLp.Core.FactorModels;
using ClusterLp.Core.FactorModels.Krylov;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Tests.Support;
using MathNet.Numerics.LinearAlgebra;

namespace ClusterLp.Core.Tests.FactorModels;

/// <summary>The block Krylov iteration through the whole pipeline, beside MathNet's SVD.</summary>
public class KrylovTests
{
    private const int N = 300, D = 90, K = 8;

    private static float[] Rows(string spectrum, int n = N, int d = D) =>
        Array.ConvertAll(KrylovSpaceTests.Build(KrylovSpaceTests.Spectrum(spectrum, Math.Min(n, d)), n, d, 4).ToRowMajorArray(), x => (float)x);

    private static TensorPlan Plan(float[] rows, int d = D, int rank = K, int? passes = null) =>
        Pipeline.Plan(rows, d, rank, method: Method.Krylov, fit: Fit.Auto) with { Passes = passes };

    private static double Tail(float[] rows, int d, int rank) => Math.Sqrt(Matrix<double>.Build.DenseOfRowMajor(rows.Length / d, d, rows.Select(x => (double)x))
        .Svd(false).S.Skip(rank).Sum(s => s * s));

    [Theory]
    [InlineData("steep")]
    [InlineData("decaying")]
    [InlineData("slow")]
    [InlineData("flat")]
    public void Its_error_is_the_svds_and_no_larger_than_it_knows(string spectrum)
    {
        float[] rows = Rows(spectrum);
        var job = new Job(rows, Plan(rows));
        double best = Tail(rows, D, K), found = Math.Sqrt(job.Fit.Ours!.Squares), norm = Math.Sqrt(job.Fit.Norms!.Squares);
        // The factors are float32: so much of the norm may be theirs.
        Assert.InRange(found, best * (1 - 1e-6), best * (1 + 2e-3) + 1e-6 * norm);
        KrylovProgress progress = KrylovProgress.Of(job.Fit.Model!);
        Assert.InRange(found, 0, progress.Bound * norm * (1 + 1e-6) + 1e-6 * norm);
        Assert.InRange(progress.Passes, 2, KrylovModel.DefaultPasses);
        float[] products = [.. job.Model.Products().SelectMany(part => part)];
        Assert.Equal(Math.Sqrt(rows.Zip(products, (a, b) => ((double)a - b) * (a - b)).Sum()), found, 1e-5 * norm);
    }

    [Fact]
    public void A_wide_matrix_of_few_rows_is_fitted_as_it_lies()
    {
        float[] rows = Rows("decaying", 40, 500);
        var job = new Job(rows, Plan(rows, 500, 5));
        double best = Tail(rows, 500, 5);
        Assert.InRange(Math.Sqrt(job.Fit.Ours!.Squares), best * (1 - 1e-6), best * (1 + 1e-3));
    }

    [Theory]
    [InlineData(20)]
    [InlineData(12)]
    public void A_planted_rank_is_stored_exactly(int rank)
    {
        float[] rows = Array.ConvertAll(KrylovSpaceTests.Build([.. Enumerable.Range(1, rank).Select(i => 1.0 / i)], N, D, 6).ToRowMajorArray(), x => (float)x);
        var job = new Job(rows, Plan(rows, rank: rank));
        Assert.InRange(job.Fit.Ours!.Squares / job.Fit.Norms!.Squares, 0, 1e-12);
    }

    [Theory]
    [InlineData(K, 3)]
    [InlineData(60, 2)]
    public void Nonzeros_give_what_full_rows_give(int rank, int passes)
    {
        float[] rows = TestMatrix.Sparse(N, D, 0.1, 2);
        TensorPlan plan = Plan(rows, rank: rank, passes: passes);
        Job dense = new(rows, plan), sparse = new(rows, plan, sparse: true), again = new(rows, plan, sparse: true, threads: 3);
        Assert.Equal(dense.Fit.Ours!.Squares, sparse.Fit.Ours!.Squares, 1e-6 * dense.Fit.Norms!.Squares);
        Assert.Equal(sparse.Bytes(), again.Bytes());
    }

    [Fact]
    public void Neither_the_order_of_blocks_nor_threads_change_a_byte()
    {
        float[] rows = Rows("slow");
        var forwards = new Job(rows, Plan(rows));
        Assert.Equal(forwards.Bytes(), new Job(rows, Plan(rows), backwards: true, threads: 3).Bytes());
        Assert.NotEqual(forwards.Bytes(), new Job(rows, Plan(rows) with { Seed = 1 }).Bytes());
    }

    [Fact]
    public void As_many_passes_are_made_as_are_asked_for()
    {
        float[] rows = Rows("slow");
        double last = double.MaxValue;
        foreach (int passes in new[] { 1, 2, 4 })
        {
            var job = new Job(rows, Plan(rows, passes: passes));
            Assert.Equal(passes, KrylovProgress.Of(job.Fit.Model!).Passes);
            Assert.True(job.Fit.Ours!.Squares < last);
            last = job.Fit.Ours.Squares;
        }
    }

    [Fact]
    public void A_row_of_weight_four_counts_as_one_of_twice_its_length()
    {
        float[] rows = Rows("slow"), longer = [.. rows];
        for (int i = 0; i < 100 * D; i++)
            longer[i] *= 2;
        string weights = Path.GetTempFileName();
        try
        {
            File.WriteAllLines(weights, Enumerable.Range(0, N).Select(i => i < 100 ? "4" : "1"));
            var job = new Job(rows, Plan(rows, passes: 3) with { RowWeights = weights });
            double squares = 0;
            float[] products = [.. job.Model.Products().SelectMany(part => part)];
            for (int i = 0; i < rows.Length; i++)
                squares += (i < 100 * D ? 4 : 1) * Math.Pow(rows[i] - products[i], 2);
            double best = Tail(longer, D, K);
            Assert.InRange(Math.Sqrt(squares), best * (1 - 1e-6), best * (1 + 2e-3));
        }
        finally
        {
            File.Delete(weights);
        }
    }

    [Fact]
    public void Nothing_is_fitted_to_zeros_and_entries_that_are_not_finite_are_named()
    {
        var job = new Job(new float[N * D], Plan(new float[N * D]));
        Assert.Equal(0, job.Fit.Ours!.Squares);
        float[] rows = Rows("flat");
        rows[211 * D + 17] = float.NaN;
        foreach (bool sparse in new[] { false, true })
            Assert.Contains("row 211, column 17", Assert.Throws<ClusterLpException>(() => new Job(rows, Plan(rows), sparse: sparse)).Message);
    }

    [Theory]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.BF16)]
    public void Reported_errors_are_those_of_the_stored_type(ElementType type)
    {
        float[] rows = Rows("decaying");
        var job = new Job(rows, Plan(rows) with { FactorType = type });
        float[] products = [.. job.Model.Products().SelectMany(part => part)];
        Assert.Equal(Math.Sqrt(rows.Zip(products, (a, b) => ((double)a - b) * (a - b)).Sum()), Math.Sqrt(job.Fit.Ours!.Squares), 1e-5);
        Assert.Equal(job.Fit.Ours, job.Fit.Svd);
    }

    [Theory]
    [InlineData(100_000, 200)]
    [InlineData(20_000, 20)]
    public void A_blocks_rows_outweigh_what_it_sends_and_fit_in_memory(int columns, int rank)
    {
        TensorPlan plan = Plan(new float[10 * D]) with { Rows = 1_000_000, Columns = columns, Rank = rank };
        long rows = new KrylovModel(new LowRankModel()).DefaultBlockRows(plan);
        Assert.True(rows * columns * sizeof(float) <= 256L << 20);
        Assert.True(rows >= 2 * plan.BlockVectors(rank));
    }

    private sealed class Job
    {
        private readonly MemoryBlobs _blobs = new();

        public Job(float[] rows, TensorPlan plan, bool backwards = false, int threads = 1, bool sparse = false)
        {
            Fit = _blobs.Run(plan, rows, backwards, threads, sparse);
            Model = Models.Of(plan).Stored(plan, Fit, _blobs);
        }

        public FitState Fit { get; }

        public StoredModel Model { get; }

        public byte[] Bytes()
        {
            var stream = new MemoryStream();
            foreach (var content in Model.Contents(new FactorNames("x.0.weight", "x.1.weight", "x")))
                content.Write(stream);
            return stream.ToArray();
        }
    }
}
