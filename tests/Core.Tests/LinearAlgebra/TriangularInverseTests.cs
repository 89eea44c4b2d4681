using ClusterLp.Core.LinearAlgebra;
using static ClusterLp.Core.Tests.LinearAlgebra.TestMatrices;

namespace ClusterLp.Core.Tests.LinearAlgebra;

public class TriangularInverseTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(17)]
    [InlineData(101)]
    public void InverseTimesTheMatrixIsTheIdentity(int d)
    {
        var random = new Random(d);
        double[] l = new double[d * d];
        for (int i = 0; i < d; i++)
            for (int j = 0; j < d; j++)
                l[i * d + j] = j < i ? (random.NextDouble() - 0.5) / Math.Sqrt(d) : j == i ? 0.5 + random.NextDouble() : double.NaN;
        double[] x = TriangularInverse.Lower(l, d);
        for (int i = 0; i < d; i++)
        {
            Assert.All(x[(i * d + i + 1)..((i + 1) * d)], v => Assert.Equal(0, v));
            Array.Clear(l, i * d + i + 1, d - i - 1);
        }
        Assert.True(MaxDifference(Product(l, x, d), Identity(d)) < 1e-13);
        Assert.True(MaxDifference(Product(x, l, d), Identity(d)) < 1e-13);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(double.NaN)]
    public void SingularMatrixIsRefused(double pivot) =>
        Assert.Throws<ArgumentException>(() => TriangularInverse.Lower([1, 0, 3, pivot], 2));
}
