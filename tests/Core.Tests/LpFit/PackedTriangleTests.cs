using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Tests.LpFit;

/// <summary>Symmetric matrices as triangles: sizes on both sides of the tiles they are unpacked in.</summary>
public sealed class PackedTriangleTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(65)]
    [InlineData(130)]
    public void Unpacked_every_entry_stands_on_both_sides_of_the_diagonal(int d)
    {
        double[] packed = [.. Enumerable.Range(0, PackedTriangle.Length(d)).Select(i => (double)i)];
        double[] matrix = PackedTriangle.Unpack(packed, d, 0.5);
        // Row after row of the upper triangle.
        for (int s = 0, at = 0; s < d; s++)
            for (int t = s; t < d; t++, at++)
            {
                Assert.Equal(0.5 * at, matrix[s * d + t]);
                Assert.Equal(0.5 * at, matrix[t * d + s]);
            }
        Assert.Equal(packed.Select(x => 0.5 * x), PackedTriangle.Pack(matrix, d));
    }
}
