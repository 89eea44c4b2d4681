using System.Numerics;
using System.Reflection;
using MathNet.Numerics.Providers.LinearAlgebra;

namespace ClusterLp.Core.LinearAlgebra;

/// <summary>
/// MathNet's linear algebra with the float64 factorisations (Cholesky, symmetric eigen, QR, SVD) done by LAPACK; everything
/// else goes to MathNet's managed provider, which is sealed, hence a proxy.
/// </summary>
internal class OpenBlasProvider : DispatchProxy
{
    private Lapack _lapack = null!;

    /// <summary>A provider to hand to MathNet.</summary>
    public static ILinearAlgebraProvider Create(Lapack lapack)
    {
        var provider = Create<ILinearAlgebraProvider, OpenBlasProvider>();
        ((OpenBlasProvider)(object)provider)._lapack = lapack;
        return provider;
    }

    /// <inheritdoc/>
    protected override object? Invoke(MethodInfo? method, object?[]? arguments)
    {
        switch (method!.Name, arguments)
        {
            case (nameof(ILinearAlgebraProvider<double>.CholeskyFactor), [double[] a, int order]):
                CholeskyFactor(a, order);
                return null;
            case (nameof(ILinearAlgebraProvider<double>.EigenDecomp),
                [true, int order, double[] matrix, double[] vectors, Complex[] values, double[] blockDiagonal]):
                SymmetricEigen(order, matrix, vectors, values, blockDiagonal);
                return null;
            case (nameof(ILinearAlgebraProvider<double>.QRFactor), [double[] r, int rows, int columns, double[] q, double[] tau]):
                FullQr(r, rows, columns, q, tau);
                return null;
            case (nameof(ILinearAlgebraProvider<double>.ThinQRFactor), [double[] q, int rows, int columns, double[] r, double[] tau]):
                ThinQr(q, rows, columns, r, tau);
                return null;
            case (nameof(ILinearAlgebraProvider<double>.SingularValueDecomposition),
                [bool computeVectors, double[] a, int rows, int columns, double[] s, double[] u, double[] vt]):
                _lapack.Svd(computeVectors, (double[])a.Clone(), rows, columns, s, u, vt);
                return null;
            default:
                return method.Invoke(ManagedLinearAlgebraProvider.Instance, BindingFlags.DoNotWrapExceptions, null, arguments, null);
        }
    }

    private void CholeskyFactor(double[] a, int order)
    {
        if (!_lapack.Cholesky(a, order))
            throw new ArgumentException("Matrix must be positive definite.");
        for (int j = 1; j < order; j++)
            Array.Clear(a, j * order, j);
    }

    private void SymmetricEigen(int order, double[] matrix, double[] vectors, Complex[] values, double[] blockDiagonal)
    {
        Array.Copy(matrix, vectors, order * order);
        var real = new double[order];
        _lapack.SymmetricEigen(vectors, order, real);
        Array.Clear(blockDiagonal);
        for (int j = 0; j < order; j++)
        {
            values[j] = real[j];
            blockDiagonal[j * order + j] = real[j];
        }
    }

    private void FullQr(double[] r, int rows, int columns, double[] q, double[] tau)
    {
        int vectors = Math.Min(rows, columns);
        _lapack.HouseholderQr(r, rows, columns, tau);
        Array.Clear(q);
        Array.Copy(r, q, rows * vectors);
        _lapack.FormQ(q, rows, rows, vectors, tau);
        for (int j = 0; j < vectors; j++)
            Array.Clear(r, j * rows + j + 1, rows - j - 1);
    }

    private void ThinQr(double[] q, int rows, int columns, double[] r, double[] tau)
    {
        _lapack.HouseholderQr(q, rows, columns, tau);
        Array.Clear(r);
        for (int j = 0; j < columns; j++)
            Array.Copy(q, j * rows, r, j * columns, j + 1);
        _lapack.FormQ(q, rows, columns, columns, tau);
    }
}
