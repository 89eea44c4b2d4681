using ClusterLp.Core.LpFit;
using ClusterLp.Core.Tests.Formats;

namespace ClusterLp.Core.Tests.LpFit;

public sealed class ColumnMetricTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Write(string descr, string shape, byte[] data, bool fortran = false) => _folder.Write("h.npy", Craft.Npy(descr, shape, data, fortran));

    [Theory]
    [InlineData("<f4", false)]
    [InlineData("<f4", true)]
    [InlineData("<f8", false)]
    public void Float32_and_float64_are_read_in_either_order(string descr, bool fortran)
    {
        double[] h = [2, 0.5, 0.5, 3];
        string path = Write(descr, "(2, 2)", descr == "<f4" ? Craft.Bytes(Array.ConvertAll(h, x => (float)x)) : Craft.Bytes(h), fortran);
        ColumnMetric metric = ColumnMetric.Read(path, 2);
        Assert.Equal(h, metric.Values);
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path))), metric.Sha256);
    }

    [Theory]
    [InlineData("<f8", "(2, 3)", "has shape (2, 3); expected (2, 2)", "1.0 2 3 4 5 6")]
    [InlineData("<f8", "(4,)", "has shape (4); expected (2, 2)", "1.0 2 3 4")]
    [InlineData("<f2", "(2, 2)", "is F16; expected float32 or float64", "1.0")]
    [InlineData("<f8", "(2, 2)", "takes 32 bytes", "1.0 0 0")]
    [InlineData("<f8", "(2, 2)", "entry (0, 1) of the column metric is NaN", "1.0 NaN 0 1")]
    [InlineData("<f8", "(2, 2)", "not symmetric: entry (0, 1) is 0.5, entry (1, 0) is 0.4", "1.0 0.5 0.4 1")]
    [InlineData("<f8", "(2, 2)", "is zero", "0.0 0 0 0")]
    [InlineData("<f8", "(2, 2)", "not positive semi-definite: its eigenvalues reach from -1 to 3", "1.0 2 2 1")]
    [InlineData("<f8", "(2, 2)", "not positive semi-definite", "-1.0 0 0 -4")]
    [InlineData("<f8", "(2, 2)", "not positive semi-definite", "-1.0 0 0 4")]
    public void What_is_no_metric_is_refused_with_its_file_and_the_reason(string descr, string shape, string reason, string values)
    {
        double[] numbers = [.. values.Split(' ').Select(value => double.Parse(value, System.Globalization.CultureInfo.InvariantCulture))];
        string path = Write(descr, shape, Craft.Bytes(numbers));
        var refused = Assert.Throws<ClusterLpException>(() => Root(ColumnMetric.Read(path, 2), path));
        Assert.Equal(ExitCode.BadInput, refused.Code);
        Assert.StartsWith(path, refused.Message);
        Assert.Contains(reason, refused.Message);
    }

    [Theory]
    [InlineData(20, 1.0)]
    [InlineData(20, 3e9)]
    [InlineData(7, 1e-12)]
    public void The_root_squares_to_the_metric_and_its_inverse_undoes_it_where_it_can(int rank, double scale)
    {
        const int d = 20;
        double[] h = Gram(rank, d, scale);
        MetricRoot root = Root(new ColumnMetric(h, d, ""), "h");
        Assert.Equal(rank, root.Rank);
        double[] square = Product(root.Root, root.Root, d), projection = Product(root.Root, root.Inverse, d), twice = Product(projection, root.Root, d);
        double largest = h.Max();
        for (int i = 0; i < d * d; i++)
        {
            Assert.Equal(h[i], square[i] * root.Unit * root.Unit, largest * 1e-12);
            Assert.Equal(root.Root[i], twice[i], 1e-10 * d);
        }
        double trace = Enumerable.Range(0, d).Sum(i => projection[i * d + i]);
        Assert.Equal(rank, trace, 1e-9);
        Assert.True(Array.TrueForAll(root.Inverse, double.IsFinite));
    }

    [Fact]
    public void A_direction_all_but_unseen_counts_as_unseen_and_the_inverse_stays_bounded()
    {
        const int d = 20;
        double[] h = Gram(d, d, 1), v = [.. Enumerable.Range(0, d).Select(i => Math.Sin(1 + i))];
        double length = Math.Sqrt(v.Sum(x => x * x));
        v = Array.ConvertAll(v, x => x / length);
        // (I - v v^T) H (I - v v^T) + 1e-13 v v^T.
        double[] away = [.. Enumerable.Range(0, d * d).Select(i => (i / d == i % d ? 1 : 0) - v[i / d] * v[i % d])];
        double[] nearly = Product(Product(away, h, d), away, d);
        for (int i = 0; i < d * d; i++)
            nearly[i] += 1e-13 * v[i / d] * v[i % d];
        for (int i = 0; i < d; i++)
            for (int j = 0; j < i; j++)
                nearly[i * d + j] = nearly[j * d + i];
        MetricRoot root = Root(new ColumnMetric(nearly, d, ""), "h");
        Assert.Equal(d - 1, root.Rank);
        Assert.True(root.Inverse.Max(Math.Abs) < 2e4);
        Assert.All(Enumerable.Range(0, d), i => Assert.Equal(0, Enumerable.Range(0, d).Sum(j => root.Inverse[i * d + j] * v[j]), 1e-6));
    }

    private static MetricRoot Root(ColumnMetric metric, string path) => MetricRoot.Of(metric, path, 1, CancellationToken.None);

    private static double[] Gram(int rank, int d, double scale)
    {
        var random = new Random(4);
        double[] x = [.. Enumerable.Range(0, rank * d).Select(_ => random.NextDouble() - 0.3)];
        return [.. Enumerable.Range(0, d * d).Select(i => scale * Enumerable.Range(0, rank).Sum(t => x[t * d + i / d] * x[t * d + i % d]))];
    }

    private static double[] Product(double[] a, double[] b, int d) =>
        [.. Enumerable.Range(0, d * d).Select(i => Enumerable.Range(0, d).Sum(t => a[i / d * d + t] * b[t * d + i % d]))];
}
