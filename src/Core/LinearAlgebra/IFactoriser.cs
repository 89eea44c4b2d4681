namespace ClusterLp.Core.LinearAlgebra;

/// <summary>
/// The two factorisations of d x d symmetric matrices (row-major float64, both triangles, finite) that everything else
/// rests on. In place, on the calling thread; thread-safe. The bits depend on the matrix and the factoriser alone.
/// </summary>
public interface IFactoriser
{
    /// <summary>For <c>doctor</c> and the report, e.g. "OpenBLAS 0.3.21 (Haswell, 1 thread)" or "managed".</summary>
    string Description { get; }

    /// <summary>
    /// Eigenvalues in ascending order; row j of <paramref name="a"/> becomes a unit eigenvector of value j, of either
    /// sign. O(d^3).
    /// </summary>
    void SymmetricEigen(double[] a, int d, double[] values);

    /// <summary>
    /// L of A = L L^T in the lower triangle of <paramref name="a"/>, anything above it; false where A is not positive
    /// definite, to rounding. O(d^3).
    /// </summary>
    bool Cholesky(double[] a, int d);
}
