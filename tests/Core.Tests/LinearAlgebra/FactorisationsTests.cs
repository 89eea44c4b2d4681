using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;
using ClusterLp.Core.LinearAlgebra.Managed;
using static ClusterLp.Core.Tests.LinearAlgebra.TestMatrices;

namespace ClusterLp.Core.Tests.LinearAlgebra;

/// <summary>The same expectations of the factoriser in use (OpenBLAS where it is installed) and of the managed one.</summary>
public class FactorisationsTests
{
    public static TheoryData<int, bool> Sizes()
    {
        var sizes = new TheoryData<int, bool>();
        foreach (int d in new[] { 1, 2, 3, 17, 100 })
        {
            sizes.Add(d, false);
            sizes.Add(d, true);
        }
        return sizes;
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void EigenDecompositionRebuildsTheMatrix(int d, bool managed)
    {
        double[] values = [.. Enumerable.Range(0, d).Select(j => Math.Pow(0.9, j) * (j % 3 == 2 ? -1 : 1))];
        double[] matrix = FromEigen(values, Orthogonal(d, 1));
        (double[] found, double[] vectors) = Factorisations.SymmetricEigen(matrix, d, Factoriser(managed));

        Assert.Equal(values.OrderDescending(), found, (x, y) => Math.Abs(x - y) < 1e-13);
        Assert.True(MaxDifference(FromEigen(found, vectors), matrix) < 1e-12);
        Assert.True(MaxDifference(Product(vectors, Transpose(vectors, d), d), Identity(d)) < 1e-13);
        for (int j = 0; j < d; j++)
            Assert.True(vectors.Skip(j * d).Take(d).MaxBy(Math.Abs) > 0);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void ZeroMatrixHasAnOrthonormalBasisAndNoValues(int d, bool managed)
    {
        (double[] values, double[] vectors) = Factorisations.SymmetricEigen(new double[d * d], d, Factoriser(managed));
        Assert.All(values, v => Assert.Equal(0, v));
        Assert.True(MaxDifference(Product(vectors, Transpose(vectors, d), d), Identity(d)) < 1e-13);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void RankDeficientAndRepeatedValuesAreFound(bool managed)
    {
        const int d = 40;
        double[] values = [.. Enumerable.Range(0, d).Select(j => j < 5 ? 3.0 : j < 9 ? 1e-9 : 0)];
        double[] q = Orthogonal(d, 2);
        (double[] found, double[] vectors) = Factorisations.SymmetricEigen(FromEigen(values, q), d, Factoriser(managed));
        Assert.Equal(values, found, (x, y) => Math.Abs(x - y) < 1e-14 * d);

        // The vectors of a repeated value are free; the projector onto their span is not.
        double[] ones = [.. values.Select(v => v == 3 ? 1.0 : 0)];
        Assert.True(MaxDifference(FromEigen(ones, vectors), FromEigen(ones, q)) < 1e-12);
        Assert.True(MaxDifference(Product(vectors, Transpose(vectors, d), d), Identity(d)) < 1e-13);
    }

    [Theory]
    [InlineData(false, 1e150)]
    [InlineData(false, 1e-150)]
    [InlineData(true, 1e150)]
    [InlineData(true, 1e-150)]
    [InlineData(true, 1e300)]
    [InlineData(true, 1e-290)]
    public void ScaleDoesNotMatter(bool managed, double scale)
    {
        const int d = 12;
        double[] values = [.. Enumerable.Range(1, d).Select(j => scale / j)];
        (double[] found, double[] vectors) = Factorisations.SymmetricEigen(FromEigen(values, Orthogonal(d, 3)), d, Factoriser(managed));
        Assert.Equal(values, found, (x, y) => Math.Abs(x - y) < 1e-13 * scale);
        Assert.True(MaxDifference(Product(vectors, Transpose(vectors, d), d), Identity(d)) < 1e-13);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void InverseCholeskyWhitensTheMatrix(int d, bool managed)
    {
        // Condition number 1e8 at the largest sizes.
        double[] values = [.. Enumerable.Range(0, d).Select(j => Math.Pow(10, -8.0 * j / 100))];
        double[] matrix = FromEigen(values, Orthogonal(d, 4));
        double[] inverse = Factorisations.InverseCholesky(matrix, d, Factoriser(managed));
        for (int i = 0; i < d; i++)
        {
            Assert.True(inverse[i * d + i] > 0);
            Assert.All(inverse[(i * d + i + 1)..((i + 1) * d)], v => Assert.Equal(0, v));
        }
        double[] whitened = Product(Product(inverse, matrix, d), Transpose(inverse, d), d);
        Assert.True(MaxDifference(whitened, Identity(d)) < 1e-15 * d / values[^1] + 1e-14);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void MatrixThatIsNotPositiveDefiniteIsRefused(bool managed)
    {
        foreach (double[] matrix in new double[][] { [0, 0, 0, 0], [1, 2, 2, 1], [-1, 0, 0, 1], [1, 1, 1, 1] })
        {
            var e = Assert.Throws<ArgumentException>(() => Factorisations.InverseCholesky(matrix, 2, Factoriser(managed)));
            Assert.Contains("not positive definite", e.Message);
        }
    }

    [Fact]
    public void NonFiniteOrMisshapenInputIsRefused()
    {
        Assert.Contains("(1, 0)", Assert.Throws<ArgumentException>(() => Factorisations.SymmetricEigen([1, 0, double.NaN, 1], 2)).Message);
        Assert.Throws<ArgumentException>(() => Factorisations.InverseCholesky([double.PositiveInfinity], 1));
        Assert.Throws<ArgumentException>(() => Factorisations.SymmetricEigen([1, 2, 3], 2));
    }

    [Fact]
    public void ArgumentsAreLeftAsTheyWere()
    {
        double[] matrix = FromEigen([3, 2, 1], Orthogonal(3, 5)), before = (double[])matrix.Clone();
        Factorisations.SymmetricEigen(matrix, 3);
        Factorisations.InverseCholesky(matrix, 3);
        Assert.Equal(before, matrix);
    }

    [Fact]
    public void RepeatedRunsGiveTheSameBits()
    {
        const int d = 130;
        double[] matrix = FromEigen([.. Enumerable.Range(1, d).Select(j => 1.0 / j)], Orthogonal(d, 6));
        (double[] values, double[] vectors) = Factorisations.SymmetricEigen(matrix, d);
        double[] inverse = Factorisations.InverseCholesky(matrix, d);
        for (int run = 0; run < 5; run++)
        {
            // Shifts what the allocator hands out next, and with it the alignment.
            GC.KeepAlive(new byte[run * 8 + 1]);
            (double[] again, double[] vectorsAgain) = Factorisations.SymmetricEigen(matrix, d);
            Assert.Equal(values, again);
            Assert.Equal(vectors, vectorsAgain);
            Assert.Equal(inverse, Factorisations.InverseCholesky(matrix, d));
        }
    }

    /// <summary>
    /// A Gram matrix squares the condition number: of singular values from 1 to 1e-7, float64 still holds the small ones'
    /// subspace. The oracle is the SVD of the matrix itself.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void GramOfAnIllConditionedMatrixKeepsItsTail(bool managed)
    {
        const int n = 300, d = 48;
        float[] a = IllConditioned(n, d, out double[] singular);
        double[] gram = new double[d * d];
        Gram.AccumulateUpper(a, n, d, [], gram);
        Gram.MirrorUpper(gram, d);
        double[] vectors = Factorisations.SymmetricEigen(gram, d, Factoriser(managed)).Vectors;
        foreach (int rank in new[] { 1, 10, 20, 30, 40, 44 })
        {
            double squares = 0;
            for (int i = 0; i < n; i++)
                for (int j = rank; j < d; j++)
                {
                    double dot = 0;
                    for (int t = 0; t < d; t++)
                        dot += a[i * d + t] * vectors[j * d + t];
                    squares += dot * dot;
                }
            Assert.InRange(Math.Sqrt(squares) / Math.Sqrt(singular.Skip(rank).Sum(s => s * s)), 1 - 1e-6, 1 + 1e-3);
        }
    }

    private static IFactoriser Factoriser(bool managed) => managed ? new ManagedFactoriser() : LinearAlgebraSetup.Factoriser;
}
