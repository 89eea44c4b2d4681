using ClusterLp.Core.FactorModels;
using ClusterLp.Core.FactorModels.Subspaces;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Tests.Support;
using MathNet.Numerics.LinearAlgebra;

namespace ClusterLp.Core.Tests.FactorModels;

/// <summary>Projective clustering against what was planted, against all partitions, and through the whole pipeline.</summary>
public class SubspacesTests
{
    private const int N = 900, D = 10, J = 3, K = 2;

    private static double[] Ones(int count) => [.. Enumerable.Repeat(1.0, count)];

    /// <summary>Row i lies in subspace i mod J, up to noise; the subspaces are spanned by random vectors.</summary>
    private static (float[] Rows, Matrix<double>[] Spanned) Planted(double noise, int seed)
    {
        var random = new Random(seed);
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        Matrix<double>[] spanned = [.. Enumerable.Range(0, J).Select(_ => Matrix<double>.Build.Dense(K, D, (_, _) => Normal()))];
        var rows = new float[N * D];
        for (int i = 0; i < N; i++)
        {
            Vector<double> row = spanned[i % J].LeftMultiply(Vector<double>.Build.Dense(K, _ => Normal()));
            for (int j = 0; j < D; j++)
                rows[i * D + j] = (float)(row[j] + noise * Normal());
        }
        return (rows, spanned);
    }

    /// <summary>Sine of the largest principal angle between a fitted subspace and one that rows span.</summary>
    private static double Sine(SubspaceSet found, int j, Matrix<double> spanned)
    {
        Matrix<double> q = spanned.Transpose().QR(MathNet.Numerics.LinearAlgebra.Factorization.QRMethod.Thin).Q;
        Matrix<double> v = Matrix<double>.Build.Dense(K, D, (t, column) => found[j].Rows[t * D + column]);
        return (q - v.Transpose() * (v * q)).L2Norm();
    }

    [Theory]
    [InlineData(1.0, 0)]
    [InlineData(1.5, 0)]
    [InlineData(2.0, 0)]
    [InlineData(1.0, 0.01)]
    [InlineData(1.5, 0.01)]
    public void Planted_subspaces_are_found(double p, double noise)
    {
        (float[] rows, Matrix<double>[] spanned) = Planted(noise, 4);
        SubspaceClustering.Outcome found = SubspaceClustering.Best(rows, D, Ones(N), J, K, p, 8, 0, 0, 2, CancellationToken.None);
        var (ids, squares) = (new byte[N], new double[N]);
        found.Subspaces.Assign(rows, N, ids, squares, CancellationToken.None);
        byte[] of = [.. Enumerable.Range(0, J).Select(j => ids[j])];
        Assert.Equal(J, of.Distinct().Count());
        // Two planes of R^10 meet in the origin alone: only rows near it can be nearer to another by noise.
        Assert.InRange(Enumerable.Range(0, N).Count(i => ids[i] != of[i % J]), 0, noise == 0 ? 0 : N / 50);
        // 300 rows with noise in 8 other directions: angles near noise / sqrt(300), in three of them together.
        for (int j = 0; j < J; j++)
            Assert.InRange(Sine(found.Subspaces, of[j], spanned[j]), 0, noise == 0 ? 1e-5 : noise);
    }

    /// <summary>All partitions of 8 rows into two parts, the best line of each by MathNet's SVD.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Of_eight_rows_and_two_lines_no_partition_is_better(int seed)
    {
        const int n = 8, d = 3;
        var random = new Random(seed);
        float[] rows = [.. Enumerable.Range(0, n * d).Select(_ => (float)(random.NextDouble() - 0.5))];
        double least = double.MaxValue;
        for (int part = 0; part < 1 << (n - 1); part++)
            least = Math.Min(least, Left(part, 0) + Left(part, 1));
        SubspaceClustering.Outcome found = SubspaceClustering.Best(rows, d, Ones(n), 2, 1, 2, 64, 0, 0, 1, CancellationToken.None);
        // Rounds stop where they gain less than 0.1 %.
        Assert.InRange(found.Objective, least * (1 - 1e-5), least * (1 + 2e-3));

        double Left(int part, int side)
        {
            int[] of = [.. Enumerable.Range(0, n).Where(i => (part >> i & 1) == side)];
            return of.Length == 0 ? 0 : Matrix<double>.Build.Dense(of.Length, d, (i, j) => rows[of[i] * d + j]).Svd(false).S.Skip(1).Sum(s => s * s);
        }
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(1.5)]
    [InlineData(2.0)]
    public void No_round_raises_the_objective(double p)
    {
        float[] rows = TestMatrix.LowRankPlusNoise(800, 16, 12, 30, 9);
        double[] c = [.. Enumerable.Range(0, 800).Select(i => 1.0 + i % 3)];
        // Three times the same subspace: all rows go to the first, and the others have to be started again.
        SubspaceSet one = SubspaceClustering.Best(rows, 16, c, 1, 4, p, 1, 0, 0, 1, CancellationToken.None).Subspaces;
        var objectives = new List<double>();
        SubspaceClustering.Outcome found = SubspaceClustering.Fit(rows, c, new SubspaceSet([one[0].Rows, one[0].Rows, one[0].Rows], 16, 4), p, objectives.Add, CancellationToken.None);
        Assert.True(objectives.Count > 3);
        for (int round = 1; round < objectives.Count; round++)
            Assert.True(objectives[round] <= objectives[round - 1] * (1 + 1e-6), $"{objectives[round]} after {objectives[round - 1]}");
        var ids = new byte[800];
        found.Subspaces.Assign(rows, 800, ids, new double[800], CancellationToken.None);
        Assert.Equal([0, 1, 2], ids.Distinct().Order().Select(id => (int)id));
        Assert.Equal(objectives.Min(), found.Objective);
    }

    [Fact]
    public void The_pipeline_finds_what_was_planted_and_its_svd_cannot()
    {
        (float[] rows, _) = Planted(0, 6);
        var stored = new Job(rows, Plan(rows));
        Assert.InRange(stored.Fit.Ours!.Lp / stored.Fit.Norms!.Lp, 0, 1e-7);
        Assert.InRange(stored.Fit.Svd!.Lp / stored.Fit.Norms.Lp, 0.1, 1);
        Assert.Equal([N / J, N / J, N / J], stored.Fit.Model!.Numbers.Select(size => (int)size));
    }

    [Theory]
    [InlineData(1.0, ElementType.F32)]
    [InlineData(1.5, ElementType.BF16)]
    [InlineData(2.0, ElementType.F32)]
    public void Reported_errors_are_those_of_the_stored_rows(double p, ElementType type)
    {
        float[] rows = TestMatrix.LowRankPlusNoise(N, D, 6, 8, 5);
        var stored = new Job(rows, Plan(rows, p) with { FactorType = type });
        float[] products = [.. stored.Model.Products().SelectMany(part => part)];
        double sum = rows.Zip(products, (a, b) => Math.Pow(Math.Abs((double)a - b), p)).Sum();
        Assert.InRange(stored.Fit.Ours!.Lp / sum, 1 - 1e-4, 1 + 1e-4);
    }

    [Fact]
    public void Order_of_blocks_and_threads_do_not_change_a_byte()
    {
        float[] rows = TestMatrix.LowRankPlusNoise(N, D, 6, 8, 5);
        var forwards = new Job(rows, Plan(rows));
        var backwards = new Job(rows, Plan(rows), true, 3);
        Assert.Equal(forwards.Bytes(), backwards.Bytes());
        var other = new Job(rows, Plan(rows) with { Seed = 1 });
        Assert.NotEqual(forwards.Bytes(), other.Bytes());
    }

    [Fact]
    public void Matrices_of_nothing_or_of_few_rows_are_fitted()
    {
        foreach (float[] rows in new[] { new float[N * D], TestMatrix.LowRankPlusNoise(N, D, 6, 8, 5)[..(3 * D)], [.. Enumerable.Repeat(3f, N * D)] })
        {
            var stored = new Job(rows, Plan(rows) with { Subspaces = 7 });
            Assert.All(stored.Model.Products().SelectMany(part => part), x => Assert.True(float.IsFinite(x)));
            Assert.InRange(stored.Fit.Ours!.Lp, 0, 1e-6 * stored.Fit.Norms!.Lp);
        }
    }

    /// <summary>Whole rows counted c times, and rows of weight c.</summary>
    [Fact]
    public void A_row_of_weight_two_counts_twice()
    {
        float[] rows = TestMatrix.LowRankPlusNoise(200, D, 6, 8, 5), twice = [.. rows, .. rows[..(50 * D)]];
        double[] c = [.. Enumerable.Range(0, 200).Select(i => i < 50 ? 2.0 : 1.0)];
        SubspaceSet start = SubspaceClustering.Best(rows, D, c, J, K, 1.5, 2, 0, 0, 1, CancellationToken.None).Subspaces;
        double weighted = SubspaceClustering.Fit(rows, c, start, 1.5, null, CancellationToken.None).Objective;
        double copied = SubspaceClustering.Fit(twice, Ones(250), start, 1.5, null, CancellationToken.None).Objective;
        Assert.InRange(copied / weighted, 1 - 1e-5, 1 + 1e-5);
    }

    private static TensorPlan Plan(float[] rows, double p = 1.5) => Pipeline.Plan(rows, D, K, p, fit: Fit.Auto) with { Subspaces = J };

    private sealed class Job
    {
        private readonly MemoryBlobs _blobs = new();

        public Job(float[] rows, TensorPlan plan, bool backwards = false, int threads = 1)
        {
            Fit = _blobs.Run(plan, rows, backwards, threads);
            Model = Models.Of(plan).Stored(plan, Fit, _blobs);
        }

        public FitState Fit { get; }

        public StoredModel Model { get; }

        public byte[] Bytes()
        {
            var stream = new MemoryStream();
            foreach (var content in Model.Contents(new FactorNames("x.0.weight", "x.1.weight", "x")))
            {
                long before = stream.Length;
                content.Write(stream);
                Assert.Equal(content.Length, stream.Length - before);
            }
            return stream.ToArray();
        }
    }
}
