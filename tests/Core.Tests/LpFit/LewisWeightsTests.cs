using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.LpFit;

public class LewisWeightsTests
{
    private const int N = 300, D = 12;

    [Theory]
    [InlineData(1.0), InlineData(1.5), InlineData(1.9)]
    public void Weights_add_up_to_d_and_the_ellipsoid_bounds_the_norm(double p)
    {
        float[] a = TestMatrix.LowRankPlusNoise(N, D, 6, 8, 9);
        double[] c = [.. Enumerable.Range(0, N).Select(i => 1.0 + i % 4)];
        double[] w = [.. c.Select(x => LewisWeights.Start(D, x, c.Sum()))];
        double[] m = Ellipsoid(a, w, c, p);
        for (int round = 0; round < 40; round++)
        {
            LewisWeights.Update(a, N, D, LewisWeights.Pack(LewisWeights.InverseFactor(m, D), D), c, p, w, CancellationToken.None);
            m = Ellipsoid(a, w, c, p);
        }
        Assert.InRange(w.Sum(), D - 1e-4, D + 1e-4);

        var random = new Random(4);
        for (int trial = 0; trial < 200; trial++)
        {
            double[] x = [.. Enumerable.Range(0, D).Select(_ => Math.Pow(random.NextDouble() - 0.5, 3))];
            double inner = Math.Sqrt(Enumerable.Range(0, D * D).Sum(st => m[st] * x[st / D] * x[st % D]));
            double norm = Math.Pow(Enumerable.Range(0, N).Sum(i => c[i] * Math.Pow(Math.Abs(Enumerable.Range(0, D).Sum(j => a[i * D + j] * x[j])), p)), 1 / p);
            Assert.InRange(norm / inner, 1 - 1e-6, Math.Pow(D, 1 / p - 0.5) * (1 + 1e-6));
        }
    }

    /// <summary>Each ratio is chi^2 with SketchRows degrees of freedom over their number: sd 0.18, and none of 2000 leaves [0.4, 2].</summary>
    [Fact]
    public void Sketched_weights_scatter_around_the_exact_ones()
    {
        const int n = 2000, d = 192;
        float[] a = TestMatrix.LowRankPlusNoise(n, d, 40, 8, 3);
        double[] c = [.. Enumerable.Range(0, n).Select(i => 1.0 + i % 3)];
        var m = new double[d * d];
        Gram.AccumulateUpper(a, n, d, [.. Enumerable.Repeat(1.0, n)], m);
        Gram.MirrorUpper(m, d);
        double[] inverse = LewisWeights.InverseFactor(m, d);
        double[] exact = new double[n], sketched = new double[n], again = new double[n], other = new double[n];
        LewisWeights.Update(a, n, d, LewisWeights.Pack(inverse, d), c, 2, exact, CancellationToken.None);
        LewisWeights.Update(a, n, d, LewisWeights.Sketch(inverse, d, 7, 1), c, 2, sketched, CancellationToken.None);
        LewisWeights.Update(a, n, d, LewisWeights.Sketch(inverse, d, 7, 1), c, 2, again, CancellationToken.None);
        LewisWeights.Update(a, n, d, LewisWeights.Sketch(inverse, d, 8, 1), c, 2, other, CancellationToken.None);

        double[] ratios = [.. sketched.Zip(exact, (x, y) => x / y)];
        Assert.All(ratios, ratio => Assert.InRange(ratio, 0.4, 2));
        Assert.InRange(ratios.Average(), 0.95, 1.05);
        Assert.InRange(Math.Sqrt(ratios.Average(ratio => (ratio - 1) * (ratio - 1))), 0.12, 0.24);
        Assert.Equal(sketched, again);
        Assert.NotEqual(sketched, other);
    }

    private static double[] Ellipsoid(float[] a, double[] w, double[] c, double p)
    {
        var m = new double[D * D];
        Gram.AccumulateUpper(a, N, D, [.. w.Zip(c, (weight, row) => LewisWeights.GramWeight(weight, row, p))], m);
        Gram.MirrorUpper(m, D);
        return m;
    }
}
