using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Double;

namespace ClusterLp.Core.LinearAlgebra;

/// <summary>Small dense factorisations (d x d float64, row-major) through MathNet and whichever provider is set up.</summary>
public static class Factorisations
{
    /// <summary>
    /// Eigen decomposition of a symmetric matrix (both triangles filled). Values in descending order; row j of
    /// <c>Vectors</c> (d x d row-major) is the unit eigenvector of value j, its largest-magnitude entry positive.
    /// </summary>
    public static (double[] Values, double[] Vectors) SymmetricEigen(double[] matrix, int d)
    {
        var evd = new DenseMatrix(d, d, (double[])matrix.Clone()).Evd(Symmetricity.Symmetric);
        var values = new double[d];
        var vectors = new double[d * d];
        for (int j = 0; j < d; j++)
        {
            int from = d - 1 - j;
            values[j] = evd.EigenValues[from].Real;
            Vector<double> v = evd.EigenVectors.Column(from);
            double sign = v[v.AbsoluteMaximumIndex()] < 0 ? -1 : 1;
            for (int t = 0; t < d; t++)
                vectors[j * d + t] = sign * v[t];
        }
        return (values, vectors);
    }

    /// <summary>L^-1 (lower triangular, row-major) of the Cholesky factor M = L L^T.</summary>
    /// <exception cref="ArgumentException">M is not positive definite.</exception>
    public static double[] InverseCholesky(double[] matrix, int d)
    {
        var l = new DenseMatrix(d, d, (double[])matrix.Clone()).Cholesky().Factor;
        var inverse = l.Inverse();
        return inverse.ToRowMajorArray();
    }
}
