using ClusterLp.Core.Kernels;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Double;

namespace ClusterLp.Core.LinearAlgebra;

/// <summary>
/// Small dense factorisations (d x d float64, row-major) through MathNet and whichever provider is set up
/// (<see cref="LinearAlgebraSetup"/>); on the calling thread, O(d^3). The arguments are left as they are.
/// </summary>
public static class Factorisations
{
    /// <summary>
    /// Eigen decomposition of a symmetric matrix (both triangles filled). Values in descending order; row j of
    /// <c>Vectors</c> (d x d row-major) is the unit eigenvector of value j, its largest-magnitude entry positive.
    /// </summary>
    /// <exception cref="ArgumentException">The matrix is not d x d, or holds NaN or infinity.</exception>
    public static (double[] Values, double[] Vectors) SymmetricEigen(double[] matrix, int d)
    {
        using var clock = KernelClock.Measure(KernelKind.Factorisation);
        DenseMatrix copy = Copy(matrix, d);
        var evd = copy.Evd(Symmetricity.Symmetric);
        double[] columns = ((DenseMatrix)evd.EigenVectors).Values;
        var values = new double[d];
        var vectors = new double[d * d];
        for (int j = 0; j < d; j++)
        {
            int from = d - 1 - j;
            values[j] = evd.EigenValues[from].Real;
            Span<double> vector = vectors.AsSpan(j * d, d);
            columns.AsSpan(from * d, d).CopyTo(vector);
            MakeLargestPositive(vector);
        }
        return (values, vectors);
    }

    /// <summary>L^-1 (lower triangular, row-major, zeros above the diagonal) of the Cholesky factor M = L L^T.</summary>
    /// <exception cref="ArgumentException">The matrix is not d x d, holds NaN or infinity, or is not positive definite.</exception>
    public static double[] InverseCholesky(double[] matrix, int d)
    {
        using var clock = KernelClock.Measure(KernelKind.Factorisation);
        DenseMatrix copy = Copy(matrix, d);
        Matrix<double> factor;
        try
        {
            factor = copy.Cholesky().Factor;
        }
        catch (ArgumentException e)
        {
            throw new ArgumentException($"the {d} x {d} matrix is not positive definite", nameof(matrix), e);
        }
        return TriangularInverse.Lower(factor.ToRowMajorArray(), d);
    }

    /// <summary>Its rows become MathNet's columns: the same thing, the matrix being symmetric.</summary>
    private static DenseMatrix Copy(double[] matrix, int d)
    {
        LinearAlgebraSetup.Ensure();
        ArgumentOutOfRangeException.ThrowIfLessThan(d, 1);
        if (matrix.Length != (long)d * d)
            throw new ArgumentException($"{matrix.Length} values are not a {d} x {d} matrix", nameof(matrix));
        if (Array.FindIndex(matrix, v => !double.IsFinite(v)) is var bad and >= 0)
            throw new ArgumentException($"entry ({bad / d}, {bad % d}) is {matrix[bad]}", nameof(matrix));
        return new DenseMatrix(d, d, (double[])matrix.Clone());
    }

    private static void MakeLargestPositive(Span<double> vector)
    {
        int largest = 0;
        for (int t = 1; t < vector.Length; t++)
            if (Math.Abs(vector[t]) > Math.Abs(vector[largest]))
                largest = t;
        if (vector[largest] < 0)
            foreach (ref double value in vector)
                value = -value;
    }
}
