using ClusterLp.Core.Kernels;
using ClusterLp.Core.Sketches;
using ClusterLp.Core.Tests.Support;
using MathNet.Numerics.LinearAlgebra;

namespace ClusterLp.Core.Tests.Sketches;

public class ResidualCurveTests
{
    private const int Size = 256;

    [Theory]
    [InlineData("power 0.5", true)]
    [InlineData("power 1", true)]
    [InlineData("power 1", false)]
    [InlineData("power 2", true)]
    [InlineData("power 2", false)]
    [InlineData("flat", true)]
    [InlineData("exponential", true)]
    [InlineData("exponential", false)]
    [InlineData("spikes", true)]
    [InlineData("spikes", false)]
    [InlineData("step", true)]
    public void The_bracket_holds_the_exact_tail_of_a_known_spectrum_and_the_estimate_is_near_it(string name, bool rotated)
    {
        double[] singular = KnownSpectrum.Named(name, 1024), exact = KnownSpectrum.Tails(singular);
        float[] a = KnownSpectrum.Matrix(singular, rotated, 1);
        foreach (ulong seed in new ulong[] { 1, 2 })
        {
            ResidualCurve curve = Of(a, 1024, seed, exact[0]);
            Assert.Equal(Size / 2, curve.LargestRank);
            Assert.Equal(exact[0], curve[0].Energy);
            for (int k = 1; k <= curve.LargestRank; k++)
            {
                ResidualEstimate found = curve[k];
                Assert.True(found.Lower <= exact[k] * (1 + 1e-6) && exact[k] <= found.Upper * (1 + 1e-6), $"{name}, seed {seed}, k = {k}: {exact[k]:G4} is not within {found}");
                Assert.InRange(found.Energy, found.Lower, found.Upper);
                // Squares: 20 % is 10 % of the error. Chance alone, of one eigenvalue, is sqrt(2 / 256) = 9 %.
                Assert.True(Math.Abs(found.Energy / exact[k] - 1) < 0.2, $"{name}, seed {seed}, k = {k}: {found.Energy / exact[k]:F3} of the tail");
            }
            // A bracket that is always as wide as can be would hold everything.
            Assert.True(curve[16].Upper < 1.6 * exact[16] && curve[16].Lower > 0.65 * exact[16]);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_tails_of_heavy_tailed_and_of_sparse_rows_are_those_of_a_decomposition(bool sparse)
    {
        const int n = 400, d = 500;
        float[] a = sparse ? TestMatrix.Sparse(n, d, 0.02, 4) : HeavyTailed(n, d);
        var matrix = Matrix<double>.Build.Dense(n, d, (i, j) => a[i * d + j]);
        double[] exact = KnownSpectrum.Tails(matrix.Svd(false).S.ToArray());
        ResidualCurve curve = Of(a, d, 3, exact[0], n);
        for (int k = 1; k <= curve.LargestRank; k++)
        {
            Assert.InRange(exact[k], curve[k].Lower, curve[k].Upper);
            Assert.InRange(curve[k].Energy / exact[k], 0.8, 1.2);
        }
    }

    [Fact]
    public void The_rank_for_an_error_lies_between_the_ranks_of_the_bounds_and_is_near_the_best()
    {
        double[] singular = KnownSpectrum.Named("power 1", 1024), exact = KnownSpectrum.Tails(singular);
        ResidualCurve curve = Of(KnownSpectrum.Matrix(singular, true, 1), 1024, 1, exact[0]);
        foreach (double share in new[] { 0.1, 0.03, 0.01 })
        {
            int best = Array.FindIndex(exact, tail => tail <= share * exact[0]);
            int found = curve.RankFor(share * exact[0])!.Value;
            (int? least, int? most) = curve.RanksFor(share * exact[0]);
            Assert.True(least <= best && best <= (most ?? int.MaxValue), $"{best} is not within {least} and {most}");
            Assert.InRange(found, 0.85 * best - 1, 1.15 * best + 1);
        }
        Assert.Null(curve.RankFor(1e-6 * exact[0]));
    }

    [Fact]
    public void Nothing_is_left_beyond_the_rank_of_the_matrix()
    {
        double[] singular = [.. Enumerable.Range(0, 512).Select(i => i < 20 ? 5.0 - 0.1 * i : 0)];
        ResidualCurve curve = Of(KnownSpectrum.Matrix(singular, true, 1), 512, 1, KnownSpectrum.Tails(singular)[0]);
        Assert.True(curve[19].Lower > 0.5 * 3.1 * 3.1);
        Assert.InRange(curve[20].Upper, 0, 1e-9 * curve.Total);
        Assert.Equal(20, curve.RankFor(1e-8 * curve.Total));
        ResidualCurve nothing = ResidualCurve.Of(new double[Size * Size], ResidualSketch.DefaultBands, 0, 512, 1, default);
        Assert.All(Enumerable.Range(0, nothing.LargestRank + 1), k => Assert.Equal(default, nothing[k]));
    }

    [Fact]
    public void A_matrix_with_fewer_columns_than_the_sketch_ends_at_its_rank()
    {
        const int n = 300, d = 40;
        float[] a = TestMatrix.LowRankPlusNoise(n, d, 6, 8, 3);
        double[] exact = KnownSpectrum.Tails(Matrix<double>.Build.Dense(n, d, (i, j) => a[i * d + j]).Svd(false).S.ToArray());
        ResidualCurve curve = Of(a, d, 3, exact[0], n);
        Assert.Equal(d, curve.LargestRank);
        Assert.Equal(0, curve[d].Upper);
        for (int k = 1; k < d; k++)
            Assert.InRange(exact[k], curve[k].Lower, curve[k].Upper);
    }

    [Fact]
    public void Threads_change_no_bit()
    {
        float[] a = KnownSpectrum.Matrix(KnownSpectrum.Named("power 1", 256), true, 1);
        ResidualCurve one = Of(a, 256, 1, 2, threads: 1), three = Of(a, 256, 1, 2, threads: 3);
        Assert.All(Enumerable.Range(0, one.LargestRank + 1), k => Assert.Equal(one[k], three[k]));
    }

    private static ResidualCurve Of(float[] a, int d, ulong seed, double total, int? rows = null, int threads = 2)
    {
        var sketch = new ResidualSketch(d, seed, 0, Size);
        var gram = new double[Size * Size];
        int n = rows ?? a.Length / d;
        sketch.Add(a, n, [], gram);
        Gram.MirrorUpper(gram, Size);
        return ResidualCurve.Of(gram, sketch.Bands, total, Math.Min(n, d), threads, default);
    }

    /// <summary>Low rank and noise, each row as large as a Student variable of 2 degrees.</summary>
    private static float[] HeavyTailed(int n, int d)
    {
        var random = new Random(1);
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        double[] basis = [.. Enumerable.Range(0, 30 * d).Select(_ => Normal())];
        var a = new float[n * d];
        for (int i = 0; i < n; i++)
        {
            double size = Math.Abs(Normal()) / Math.Sqrt(-Math.Log(1 - random.NextDouble()));
            double[] x = [.. Enumerable.Range(0, 30).Select(h => Normal() / (1 + h / 5.0))];
            for (int j = 0; j < d; j++)
                a[i * d + j] = (float)(size * (Enumerable.Range(0, 30).Sum(h => x[h] * basis[h * d + j]) + Normal()));
        }
        return a;
    }
}
