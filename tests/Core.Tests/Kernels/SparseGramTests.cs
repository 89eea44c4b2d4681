using ClusterLp.Core.Kernels;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.Kernels;

public class SparseGramTests
{
    [Theory]
    [InlineData(0, false)]
    [InlineData(0.02, false)]
    [InlineData(0.2, true)]
    [InlineData(1, true)]
    public void It_is_the_sum_of_the_rows_outer_products(double density, bool weighted)
    {
        const int n = 90, d = 40, first = 20, count = 60;
        float[] a = TestMatrix.Sparse(n, d, density, 4);
        var rows = new SparseRows();
        new ArraySparseSource(a, d).ReadRows(0, n, rows);
        // Integers and powers of two: every sum is exact.
        double[] weights = weighted ? [.. Enumerable.Range(0, n).Select(i => Math.ScaleB(1, i % 9 - 4))] : [];
        var gram = new double[d * d];
        Array.Fill(gram, 3.0);
        SparseGram.AccumulateUpper(rows, first, count, d, weights, gram);
        for (int s = 0; s < d; s++)
            for (int t = 0; t < d; t++)
            {
                double sum = 3;
                for (int i = first; t >= s && i < first + count; i++)
                    sum += (weighted ? weights[i] : 1) * a[i * d + s] * a[i * d + t];
                Assert.Equal(sum, gram[s * d + t]);
            }
    }
}
