using ClusterLp.Core.FactorModels.Krylov;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.Tests.Support;
using MathNet.Numerics.LinearAlgebra;

namespace ClusterLp.Core.Tests.FactorModels;

/// <summary>The block Krylov iteration against MathNet's singular values.</summary>
public class KrylovSpaceTests
{
    private const int N = 160, D = 120;

    public static double[] Spectrum(string name, int count) => [.. Enumerable.Range(1, count).Select(i => name switch
    {
        "steep" => Math.Pow(10, -6.0 * i / count),
        "decaying" => 1.0 / i,
        "slow" => Math.Pow(i, -0.25),
        "flat" => 1 - 0.3 * i / count,
        _ => throw new ArgumentException(name),
    })];

    /// <summary>A matrix of these singular values, n x d.</summary>
    public static Matrix<double> Build(double[] values, int n, int d, int seed)
    {
        var random = new Random(seed);
        return Orthonormal(n) * Matrix<double>.Build.DenseDiagonal(values.Length, values.Length, i => values[i]) * Orthonormal(d).Transpose();

        Matrix<double> Orthonormal(int rows) => Matrix<double>.Build.Dense(rows, values.Length, (_, _) => random.NextDouble() - 0.5)
            .QR(MathNet.Numerics.LinearAlgebra.Factorization.QRMethod.Thin).Q;
    }

    private static double[] Rows(Matrix<double> matrix) => matrix.ToRowMajorArray();

    /// <summary>The space after some passes, in float64 by MathNet's products.</summary>
    private static KrylovSpace Iterate(Matrix<double> a, int b, int passes, int seed = 3)
    {
        var random = new Random(seed);
        Matrix<double> start = Matrix<double>.Build.Dense(b, a.ColumnCount, (_, _) => random.NextDouble() - 0.5), gram = a.TransposeThisAndMultiply(a);
        var space = KrylovSpace.Begin(Rows(start), Rows(start * gram), a.ColumnCount, 2, CancellationToken.None);
        for (int pass = 1; pass < passes && space.LastRows > 0; pass++)
            space.Extend(Rows(Matrix<double>.Build.DenseOfRowMajor(space.LastRows, a.ColumnCount, space.Blocks[^1]) * gram));
        return space;
    }

    private static (Vector<double> Residual, double[] Values) Cut(Matrix<double> a, KrylovSpace space, int k)
    {
        (double[] values, double[] coefficients) = space.Leading(k);
        Matrix<double> v = Matrix<double>.Build.DenseOfRowMajor(k, a.ColumnCount, space.Combine(coefficients, k));
        Assert.InRange((v * v.Transpose() - Matrix<double>.Build.DenseIdentity(k)).L2Norm(), 0, 1e-12);
        return ((a - a * v.Transpose() * v).Svd(false).S, values);
    }

    [Theory]
    [InlineData("steep", 3, 1e-6)]
    [InlineData("decaying", 3, 1e-3)]
    [InlineData("slow", 3, 4e-3)]
    [InlineData("flat", 3, 4e-3)]
    [InlineData("slow", 8, 1e-6)]
    public void Errors_are_within_a_share_of_the_best(string spectrum, int passes, double epsilon)
    {
        const int k = 12;
        double[] sigma = Spectrum(spectrum, D);
        (Vector<double> residual, _) = Cut(Build(sigma, N, D, 1), Iterate(Build(sigma, N, D, 1), 20, passes), k);
        // Schatten-1, Frobenius and spectral norm of what is left, against the sums over the singular values past the k-th; projected
        // Frobenius errors come first, and the others lose more of it where values lie close.
        double[] tail = sigma[k..];
        double frobenius = Math.Sqrt(tail.Sum(s => s * s));
        Assert.InRange(residual.L2Norm() / frobenius - 1, -1e-9, epsilon);
        Assert.InRange(residual.L1Norm() / tail.Sum() - 1, -1e-9, 4 * epsilon);
        Assert.InRange(residual[0] / tail[0] - 1, -1e-9, 50 * epsilon);
    }

    [Fact]
    public void Its_values_bound_the_error_from_above_and_singular_values_from_below()
    {
        Matrix<double> a = Build(Spectrum("slow", D), N, D, 5);
        double[] sigma = Spectrum("slow", D);
        double squares = sigma.Sum(s => s * s), last = double.PositiveInfinity;
        for (int passes = 1; passes <= 4; passes++)
        {
            (Vector<double> residual, double[] values) = Cut(a, Iterate(a, 15, passes), 10);
            double bound = Math.Sqrt(squares - values.Sum());
            Assert.InRange(residual.L2Norm(), 0, bound * (1 + 1e-12));
            for (int i = 0; i < values.Length; i++)
                Assert.InRange(values[i], 0, sigma[i] * sigma[i] * (1 + 1e-12));
            Assert.True(bound < last);
            last = bound;
        }
    }

    // As good as projecting A from the left onto the span of A X, A G X, ..., which is how the method is written down.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void It_is_the_projection_onto_the_left_space(int passes)
    {
        const int b = 9, k = 7;
        Matrix<double> a = Build(Spectrum("decaying", D), N, D, 8), gram = a.TransposeThisAndMultiply(a);
        var random = new Random(3);
        Matrix<double> x = Matrix<double>.Build.Dense(b, D, (_, _) => random.NextDouble() - 0.5).Transpose(), left = a * x;
        for (int pass = 1; pass < passes; pass++)
        {
            // Orthonormalised, the span is the same.
            x = (gram * x).QR(MathNet.Numerics.LinearAlgebra.Factorization.QRMethod.Thin).Q;
            left = left.Append(a * x);
        }
        Matrix<double> z = left.QR(MathNet.Numerics.LinearAlgebra.Factorization.QRMethod.Thin).Q;
        Vector<double> expected = z.TransposeThisAndMultiply(a).Svd(false).S;
        (_, double[] values) = Cut(a, Iterate(a, b, passes), k);
        for (int i = 0; i < k; i++)
            Assert.Equal(expected[i], Math.Sqrt(values[i]), 1e-9 * expected[0]);
    }

    [Theory]
    [InlineData(5, 15)]
    [InlineData(20, 20)]
    public void A_planted_rank_is_found_in_one_pass(int rank, int b)
    {
        Matrix<double> a = Build([.. Enumerable.Range(1, rank).Select(i => Math.Pow(0.5, i))], N, D, 2);
        KrylovSpace space = Iterate(a, b, 1);
        (Vector<double> residual, _) = Cut(a, space, rank);
        Assert.InRange(residual.L2Norm(), 0, 1e-7 * a.FrobeniusNorm());
    }

    [Fact]
    public void An_invariant_space_grows_no_further()
    {
        Matrix<double> a = Build(Spectrum("flat", 6), N, D, 2);
        KrylovSpace space = Iterate(a, 10, 5);
        Assert.Equal(0, space.LastRows);
        Assert.InRange(space.Dimensions, 10, 16);
        Assert.InRange(Cut(a, space, 6).Residual.L2Norm(), 0, 1e-12);
    }

    [Fact]
    public void A_space_of_all_columns_gives_the_svd()
    {
        double[] sigma = Spectrum("slow", 30);
        Matrix<double> a = Build(sigma, 50, 30, 2);
        KrylovSpace space = Iterate(a, 30, 3);
        Assert.Equal(30, space.Dimensions);
        Assert.Equal(Math.Sqrt(sigma[25..].Sum(s => s * s)), Cut(a, space, 25).Residual.L2Norm(), 1e-9);
    }

    [Fact]
    public void Zeros_have_orthonormal_factors()
    {
        KrylovSpace space = Iterate(Matrix<double>.Build.Dense(N, D), 8, 3);
        Assert.Equal(0, Cut(Matrix<double>.Build.Dense(N, D), space, 5).Residual.L2Norm());
    }

    [Theory]
    [InlineData(7, 5, 3)]
    [InlineData(600, 700, 19)]
    public void A_pass_multiplies_twice(int n, int d, int b)
    {
        var random = new Random(1);
        var rows = new float[n * d];
        for (int i = 0; i < rows.Length; i++)
            rows[i] = random.NextDouble() < 0.7 ? 0 : (float)(random.NextDouble() - 0.5);
        double[] x = [.. Enumerable.Range(0, d * b).Select(_ => random.NextDouble() - 0.5)], c = [.. Enumerable.Range(0, n).Select(_ => random.NextDouble())];
        Matrix<double> a = Matrix<double>.Build.DenseOfRowMajor(n, d, rows.Select(value => (double)value));
        Matrix<double> expected = a.Transpose() * Matrix<double>.Build.DenseOfDiagonalArray(c) * (a * Matrix<double>.Build.DenseOfRowMajor(d, b, x));
        var context = new StepContext(new MemoryBlobStore(), 1, CancellationToken.None);
        double[] dense = [.. KrylovPass.Multiply(rows, n, c, PackedMatrix<double>.FromRows(x, d, b), context)];
        Assert.InRange((Matrix<double>.Build.DenseOfRowMajor(d, b, dense) - expected).L2Norm(), 0, 1e-12 * expected.L2Norm());
        double[] sparse = [.. KrylovPass.Multiply(Entries(rows, n, d), c, x, b, context)];
        Assert.InRange((Matrix<double>.Build.DenseOfRowMajor(d, b, sparse) - expected).L2Norm(), 0, 1e-12 * expected.L2Norm());
    }

    /// <summary>Rows by their nonzeros.</summary>
    public static SparseRows Entries(float[] rows, int n, int d)
    {
        var sparse = new SparseRows();
        (int[] columns, float[] values) = sparse.Begin(n, rows.Length);
        int at = 0;
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < d; j++)
                if (rows[i * d + j] != 0)
                    (columns[at], values[at++]) = (j, rows[i * d + j]);
            sparse.End(at);
        }
        return sparse;
    }
}
