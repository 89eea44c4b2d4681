using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.LinearAlgebra;

/// <summary>
/// Small dense factorisations (d x d float64, row-major) by the factoriser in use (<see cref="LinearAlgebraSetup"/>) or a
/// given one; on the calling thread, O(d^3). The arguments are left as they are.
/// </summary>
public static class Factorisations
{
    /// <summary>
    /// Eigen decomposition of a symmetric matrix (both triangles filled). Values in descending order; row j of
    /// <c>Vectors</c> (d x d row-major) is the unit eigenvector of value j, its largest-magnitude entry positive.
    /// </summary>
    /// <exception cref="ArgumentException">The matrix is not d x d, or holds NaN or infinity.</exception>
    public static (double[] Values, double[] Vectors) SymmetricEigen(double[] matrix, int d, IFactoriser? by = null)
    {
        double[] vectors = Copy(matrix, d);
        return (EigenInPlace(vectors, d, by), vectors);
    }

    /// <summary>The same, in the memory of the matrix, which is not looked at before; returns the values.</summary>
    internal static double[] EigenInPlace(double[] vectors, int d, IFactoriser? by = null)
    {
        using var clock = KernelClock.Measure(KernelKind.Factorisation);
        var values = new double[d];
        (by ?? LinearAlgebraSetup.Factoriser).SymmetricEigen(vectors, d, values);
        Array.Reverse(values);
        var swap = new double[d];
        for (int j = 0; j < d - 1 - j; j++)
        {
            Span<double> one = vectors.AsSpan(j * d, d), other = vectors.AsSpan((d - 1 - j) * d, d);
            one.CopyTo(swap);
            other.CopyTo(one);
            swap.CopyTo(other);
        }
        for (int j = 0; j < d; j++)
            MakeLargestPositive(vectors.AsSpan(j * d, d));
        return values;
    }

    /// <summary>L^-1 (lower triangular, row-major, zeros above the diagonal) of the Cholesky factor M = L L^T.</summary>
    /// <exception cref="ArgumentException">The matrix is not d x d, holds NaN or infinity, or is not positive definite.</exception>
    public static double[] InverseCholesky(double[] matrix, int d, IFactoriser? by = null)
    {
        using var clock = KernelClock.Measure(KernelKind.Factorisation);
        double[] factor = Copy(matrix, d);
        if (!(by ?? LinearAlgebraSetup.Factoriser).Cholesky(factor, d))
            throw new ArgumentException($"the {d} x {d} matrix is not positive definite", nameof(matrix));
        return TriangularInverse.Lower(factor, d);
    }

    /// <summary>That it is d x d and holds neither NaN nor infinity.</summary>
    internal static void Check(ReadOnlySpan<double> matrix, int d)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(d, 1);
        if (matrix.Length != (long)d * d)
            throw new ArgumentException($"{matrix.Length} values are not a {d} x {d} matrix", nameof(matrix));
        for (int i = 0; i < matrix.Length; i++)
            if (!double.IsFinite(matrix[i]))
                throw new ArgumentException($"entry ({i / d}, {i % d}) is {matrix[i]}", nameof(matrix));
    }

    private static double[] Copy(double[] matrix, int d)
    {
        Check(matrix, d);
        return (double[])matrix.Clone();
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
