using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;
using ClusterLp.Core.LinearAlgebra.Managed;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Double;
using static ClusterLp.Core.Tests.LinearAlgebra.TestMatrices;

namespace ClusterLp.Core.Tests.LinearAlgebra;

/// <summary>Our eigen decomposition on matrices that are hard for it, against its definition and against other code.</summary>
public class ManagedEigenTests
{
    /// <summary>Around the sizes at which work is cut: 32 (leaves, panels), 64 (back transformation), 192 (updates).</summary>
    private static readonly int[] Sizes = [1, 2, 3, 31, 32, 33, 65, 66, 97, 193];

    public static TheoryData<string> Kinds() => [.. Matrices.Keys];

    private static readonly Dictionary<string, Func<int, double[]>> Matrices = new()
    {
        ["random"] = d => Symmetric(d, (i, j, r) => r.NextDouble() - 0.5),
        ["gram of a thin matrix"] = d => ThinGram(d, (d + 2) / 3),
        ["rank one"] = d => Symmetric(d, (i, j, _) => (i + 1.0) * (j + 1)),
        ["graded down"] = d => Symmetric(d, (i, j, r) => (r.NextDouble() + 0.5) * Math.Pow(10, -0.15 * (i + j))),
        ["graded up"] = d => Symmetric(d, (i, j, r) => (r.NextDouble() + 0.5) * Math.Pow(10, -0.15 * (2 * d - i - j))),
        ["diagonal"] = d => Symmetric(d, (i, j, r) => i == j ? r.NextDouble() - 0.5 : 0),
        ["identity"] = Identity,
        ["all ones"] = d => Symmetric(d, (_, _, _) => 1),
        ["negative definite"] = d => Symmetric(d, (i, j, _) => i == j ? -2 : 0.5 / d),
        ["two values"] = d => FromEigen([.. Enumerable.Range(0, d).Select(j => j % 2 == 0 ? 1.0 : -1)], Orthogonal(d, 8)),
        ["clusters"] = d => FromEigen([.. Enumerable.Range(0, d).Select(j => j / 10 + 1e-13 * (j % 10))], Orthogonal(d, 9)),
        ["seventeen orders"] = d => FromEigen([.. Enumerable.Range(0, d).Select(j => Math.Pow(10, -17.0 * j / d))], Orthogonal(d, 10)),
        ["second difference"] = d => Symmetric(d, (i, j, _) => i == j ? 2 : i - j is 1 or -1 ? -1 : 0),
        // Pairs of values that agree to all digits, though no off-diagonal entry is small.
        ["Wilkinson"] = d => Symmetric(d, (i, j, _) => i == j ? Math.Abs(i - (d - 1) / 2.0) : i - j is 1 or -1 ? 1 : 0),
        ["glued Wilkinson"] = d => Symmetric(d, (i, j, _) => i == j ? Math.Abs(i % 21 - 10) : i - j is 1 or -1 ? (Math.Max(i, j) % 21 == 0 ? 1e-9 : 1) : 0),
        ["blocks apart"] = d => Symmetric(d, (i, j, r) => i / 7 == j / 7 ? r.NextDouble() : 0),
        ["arrow"] = d => Symmetric(d, (i, j, _) => i == j ? i : i == 0 || j == 0 ? 1e-3 : 0),
        ["one large entry"] = d => Symmetric(d, (i, j, r) => i == 0 && j == 0 ? 1e12 : r.NextDouble()),
        ["nothing but a far corner"] = d => Symmetric(d, (i, j, _) => i + j == d - 1 ? 3 : 0),
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void PairsAreEigenpairsAndOrthonormal(string kind)
    {
        foreach (int d in Sizes)
        {
            double[] a = Matrices[kind](d);
            (double[] values, double[] vectors) = Factorisations.SymmetricEigen(a, d, new ManagedFactoriser());
            Matrix<double> matrix = Rows(a, d), v = Rows(vectors, d);
            double norm = matrix.FrobeniusNorm() + 1e-300, unit = Math.Pow(2, -52) * (10 + Math.Sqrt(d));
            Matrix<double> residual = v * matrix - DenseMatrix.OfDiagonalArray(values) * v;
            Assert.True(residual.FrobeniusNorm() <= unit * norm * 4, $"{d}: residual {residual.FrobeniusNorm() / norm:g3}");
            double skew = (v * v.Transpose() - DenseMatrix.CreateIdentity(d)).Enumerate().Max(Math.Abs);
            Assert.True(skew <= unit, $"{d}: orthonormal to {skew:g3} only");
            Assert.Equal(values.OrderDescending(), values);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void ValuesAreThoseOfMathNetAndOfOpenBlas(string kind)
    {
        foreach (int d in new[] { 1, 2, 33, 66, 131 })
        {
            double[] a = Matrices[kind](d);
            double[] values = Factorisations.SymmetricEigen(a, d, new ManagedFactoriser()).Values;
            double[] blas = Factorisations.SymmetricEigen(a, d).Values;
            double[] mathNet = [.. Rows(a, d).Evd(Symmetricity.Symmetric).EigenValues.Select(v => v.Real).OrderDescending()];
            double tolerance = 1e-14 * (1 + Math.Sqrt(d)) * Rows(a, d).FrobeniusNorm();
            Assert.Equal(blas, values, (x, y) => Math.Abs(x - y) <= tolerance);
            Assert.Equal(mathNet, values, (x, y) => Math.Abs(x - y) <= tolerance);
        }
    }

    /// <summary>Closed form: 2 - 2 cos(j pi / (d + 1)), vectors sin(i j pi / (d + 1)).</summary>
    [Theory]
    [InlineData(600)]
    [InlineData(611)]
    public void LargeSecondDifferenceHasItsClosedForm(int d)
    {
        (double[] values, double[] vectors) = Factorisations.SymmetricEigen(Matrices["second difference"](d), d, new ManagedFactoriser());
        for (int j = 0; j < d; j++)
        {
            int index = d - j;
            Assert.Equal(2 - 2 * Math.Cos(index * Math.PI / (d + 1)), values[j], 1e-13);
            double dot = 0;
            for (int i = 0; i < d; i++)
                dot += vectors[j * d + i] * Math.Sin((i + 1.0) * index * Math.PI / (d + 1));
            // Off by the square of the angle between them.
            Assert.Equal(1, Math.Abs(dot) / Math.Sqrt((d + 1) / 2.0), 1e-12);
        }
    }

    [Fact]
    public void SameBitsOnSeveralThreadsAtOnce()
    {
        const int d = 200;
        double[] a = Matrices["random"](d);
        double[] expected = Factorisations.SymmetricEigen(a, d, new ManagedFactoriser()).Vectors;
        var factoriser = new ManagedFactoriser();
        var found = new double[3][];
        FixedPartition.For(found.Length, found.Length, CancellationToken.None, i => found[i] = Factorisations.SymmetricEigen(a, d, factoriser).Vectors);
        Assert.All(found, vectors => Assert.Equal(expected, vectors));
    }

    private static Matrix<double> Rows(double[] a, int d) => Matrix<double>.Build.DenseOfRowMajor(d, d, a);

    private static double[] Symmetric(int d, Func<int, int, Random, double> entry)
    {
        var random = new Random(d);
        double[] a = new double[d * d];
        for (int i = 0; i < d; i++)
            for (int j = i; j < d; j++)
                a[i * d + j] = a[j * d + i] = entry(i, j, random);
        return a;
    }

    private static double[] ThinGram(int d, int rank)
    {
        var random = new Random(d);
        double[] rows = [.. Enumerable.Range(0, rank * d).Select(_ => random.NextDouble() - 0.5)];
        return Symmetric(d, (i, j, _) => Enumerable.Range(0, rank).Sum(t => rows[t * d + i] * rows[t * d + j]));
    }
}
