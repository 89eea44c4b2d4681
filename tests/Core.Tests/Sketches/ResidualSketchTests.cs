using ClusterLp.Core.Kernels;
using ClusterLp.Core.Sketches;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.Sketches;

public class ResidualSketchTests
{
    [Theory]
    [InlineData(30, 16, 4, 70)]
    [InlineData(9, 24, 8, 261)]
    public void The_sketch_is_the_Gram_matrix_of_the_rows_times_a_map_with_one_sign_a_band(int d, int m, int s, int n)
    {
        var sketch = new ResidualSketch(d, 5, 2, m, s);
        double[,] map = Map(sketch);
        for (int i = 0; i < d; i++)
        {
            int[] places = [.. Enumerable.Range(0, m).Where(p => map[i, p] != 0)];
            Assert.Equal(Enumerable.Range(0, s), places.Select(p => p / (m / s)));
            Assert.All(places, p => Assert.Equal(1 / Math.Sqrt(s), Math.Abs(map[i, p]), 1e-7));
        }
        float[] a = TestMatrix.LowRankPlusNoise(n, d, 4, 8, 3);
        double[] weights = [.. Enumerable.Range(0, n).Select(i => 0.5 + i % 3)], gram = new double[m * m], expected = new double[m * m];
        sketch.Add(a, n, weights, gram);
        for (int i = 0; i < n; i++)
        {
            double[] row = [.. Enumerable.Range(0, m).Select(p => Enumerable.Range(0, d).Sum(j => a[i * d + j] * map[j, p]))];
            for (int p = 0; p < m; p++)
                for (int q = 0; q < m; q++)
                    expected[p * m + q] += weights[i] * row[p] * row[q];
        }
        double size = expected.Max();
        for (int p = 0; p < m; p++)
            for (int q = p; q < m; q++)
                Assert.Equal(expected[p * m + q], gram[p * m + q], 1e-6 * size);
    }

    [Fact]
    public void Signs_and_places_are_spread_evenly_and_follow_from_seed_and_tensor()
    {
        const int d = 300, m = 16, s = 4;
        double[,] map = Map(new ResidualSketch(d, 1, 0, m, s));
        Assert.InRange(map.Cast<double>().Count(v => v > 0), 0.4 * d * s, 0.6 * d * s);
        for (int p = 0; p < m; p++)
            Assert.InRange(Enumerable.Range(0, d).Count(i => map[i, p] != 0), 45, 105);
        float[] a = TestMatrix.LowRankPlusNoise(40, d, 4, 8, 3);
        double[] first = Of(new ResidualSketch(d, 1, 0, m, s), a);
        Assert.Equal(first, Of(new ResidualSketch(d, 1, 0, m, s), a));
        Assert.NotEqual(first, Of(new ResidualSketch(d, 2, 0, m, s), a));
        Assert.NotEqual(first, Of(new ResidualSketch(d, 1, 1, m, s), a));
    }

    [Fact]
    public void Sketches_of_blocks_add_up_to_that_of_all_rows_and_nonzeros_give_the_same_bits()
    {
        const int n = 700, d = 90, cut = 301;
        float[] a = TestMatrix.Sparse(n, d, 0.1, 6);
        var sketch = new ResidualSketch(d, 1, 0, 64);
        double[] whole = Of(sketch, a), first = Of(sketch, a[..(cut * d)]), second = Of(sketch, a[(cut * d)..]), entries = new double[whole.Length];
        for (int i = 0; i < whole.Length; i++)
            Assert.Equal(whole[i], first[i] + second[i], 1e-6 * whole.Max());
        double[] continued = Of(sketch, a[..(512 * d)]);
        sketch.Add(a.AsSpan(512 * d), n - 512, [], continued);
        Assert.Equal(whole, continued);
        var rows = new SparseRows();
        new ArraySparseSource(a, d).ReadRows(0, n, rows);
        sketch.Add(rows, [], entries);
        Assert.Equal(whole, entries);
    }

    [Theory]
    [InlineData(1e30f)]
    [InlineData(1e-30f)]
    public void Entries_may_be_of_any_size(float size)
    {
        const int n = 20, d = 30;
        float[] a = TestMatrix.LowRankPlusNoise(n, d, 4, 8, 3), other = Array.ConvertAll(a, value => value * size);
        var sketch = new ResidualSketch(d, 1, 0, 16);
        double[] one = Of(sketch, a), scaled = Of(sketch, other);
        for (int i = 0; i < one.Length; i++)
            Assert.Equal(one[i], scaled[i] / size / size, 1e-5 * one.Max());
    }

    [Fact]
    public void Sizes_that_do_not_fit_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new ResidualSketch(10, 0, 0, 20, 8));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ResidualSketch(10, 0, 0, 16, 1));
        Assert.Throws<ArgumentException>(() => new ResidualSketch(10, 0, 0, 16).Add(new float[15], 2, [], new double[256]));
    }

    private static double[] Of(ResidualSketch sketch, float[] rows)
    {
        var gram = new double[sketch.Size * sketch.Size];
        sketch.Add(rows, rows.Length / sketch.Columns, [], gram);
        return gram;
    }

    /// <summary>T, d x m, from sketches of one and two unit rows; up to one sign, which no sketch shows.</summary>
    private static double[,] Map(ResidualSketch sketch)
    {
        (int d, int m) = (sketch.Columns, sketch.Size);
        var map = new double[d, m];
        double[] Outer(params int[] columns)
        {
            var row = new float[d];
            foreach (int column in columns)
                row[column] = 1;
            return Of(sketch, row);
        }
        for (int i = 0; i < d; i++)
        {
            double[] own = Outer(i);
            int anchor = Enumerable.Range(0, m).First(p => own[p * m + p] > 0);
            double size = Math.Sqrt(own[anchor * m + anchor]);
            for (int p = anchor; p < m; p++)
                map[i, p] = own[anchor * m + p] / size;
            if (i == 0)
                continue;
            double[] both = Outer(0, i);
            double energy = Enumerable.Range(0, m).Sum(p => Math.Pow(map[0, p] + map[i, p], 2)), found = Enumerable.Range(0, m).Sum(p => both[p * m + p]);
            int other = Enumerable.Range(0, m).First(p => map[0, p] != 0);
            // (t_0 + t_i)(t_0 + t_i)^T at a place of each tells the sign, by the energy or, where that is the same, by a product.
            double product = both[Math.Min(anchor, other) * m + Math.Max(anchor, other)];
            double expected = (map[0, anchor] + map[i, anchor]) * (map[0, other] + map[i, other]);
            if (Math.Abs(energy - found) > 1e-6 || Math.Abs(product - expected) > 1e-6)
                for (int p = 0; p < m; p++)
                    map[i, p] = -map[i, p];
        }
        return map;
    }
}
