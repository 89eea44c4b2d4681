using ClusterLp.Core.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra;
using MathNet.Numerics.LinearAlgebra.Double;
using MathNet.Numerics.Providers.LinearAlgebra;

namespace ClusterLp.Core.Tests.LinearAlgebra;

/// <summary>MathNet's own API on top of the provider in use (OpenBLAS where it is installed).</summary>
[Collection(nameof(ProviderSwap))]
public class ProviderTests
{
    public ProviderTests() => LinearAlgebraSetup.Ensure();

    [Fact]
    public void DescriptionSaysWhatIsInUse()
    {
        bool managed = LinearAlgebraControl.Provider is ManagedLinearAlgebraProvider;
        Assert.Matches(managed ? "^MathNet managed$" : @"^OpenBLAS \d+\.\d+.* \(1 thread\)$", LinearAlgebraSetup.Description);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 7)]
    [InlineData(30, 8)]
    [InlineData(8, 30)]
    public void SingularValueDecompositionRebuildsTheMatrix(int rows, int columns)
    {
        Matrix<double> a = Random(rows, columns);
        var svd = a.Svd();
        AssertClose(a, svd.U * svd.W * svd.VT);
        AssertOrthonormal(svd.U);
        AssertOrthonormal(svd.VT.Transpose());
        AssertClose(svd.S.ToColumnMatrix(), a.Svd(computeVectors: false).S.ToColumnMatrix());
        Assert.Equal(svd.S.OrderDescending(), svd.S);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 7)]
    [InlineData(30, 8)]
    public void QrRebuildsTheMatrix(int rows, int columns)
    {
        Matrix<double> a = Random(rows, columns);
        foreach (var method in new[] { MathNet.Numerics.LinearAlgebra.Factorization.QRMethod.Full, MathNet.Numerics.LinearAlgebra.Factorization.QRMethod.Thin })
        {
            var qr = a.QR(method);
            AssertClose(a, qr.Q * qr.R);
            AssertClose(qr.R, qr.R.UpperTriangle());
            AssertOrthonormal(qr.Q);
        }
        Vector<double> x = Random(columns, 1).Column(0);
        AssertClose(x.ToColumnMatrix(), a.QR().Solve(a * x).ToColumnMatrix());
        AssertClose(x.ToColumnMatrix(), a.QR(MathNet.Numerics.LinearAlgebra.Factorization.QRMethod.Full).Solve(a * x).ToColumnMatrix());
    }

    [Fact]
    public void WhatIsNotOursStillWorksAndThrowsItsOwnExceptions()
    {
        Matrix<double> a = Random(9, 9);
        AssertClose(DenseMatrix.CreateIdentity(9), a * a.Inverse());
        Assert.Equal(9, a.Evd(Symmetricity.Asymmetric).EigenValues.Count);
        Matrix<double> spd = a.TransposeThisAndMultiply(a) + DenseMatrix.CreateIdentity(9);
        AssertClose(DenseMatrix.CreateIdentity(9), spd.Cholesky().Solve(spd));
        var single = MathNet.Numerics.LinearAlgebra.Single.DenseMatrix.CreateIdentity(3);
        Assert.Equal(1, single.Cholesky().Determinant, 1e-6);
        Assert.Throws<ArgumentException>(() => (-spd).Cholesky());
        Assert.Throws<ArgumentNullException>(() => LinearAlgebraControl.Provider.AddArrays((double[])null!, [1], [1]));
    }

    private static DenseMatrix Random(int rows, int columns)
    {
        var random = new Random(rows * 100 + columns);
        return DenseMatrix.Create(rows, columns, (_, _) => random.NextDouble() - 0.5);
    }

    private static void AssertClose(Matrix<double> expected, Matrix<double> actual) =>
        Assert.True((expected - actual).Enumerate().Max(Math.Abs) < 1e-12);

    private static void AssertOrthonormal(Matrix<double> q) =>
        AssertClose(DenseMatrix.CreateIdentity(q.ColumnCount), q.TransposeThisAndMultiply(q));
}
