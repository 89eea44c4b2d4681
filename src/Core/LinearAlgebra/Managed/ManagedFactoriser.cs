namespace ClusterLp.Core.LinearAlgebra.Managed;

/// <summary>
/// Factorisations on our own kernels, for machines without OpenBLAS. The same bits with every instruction set.
/// </summary>
public sealed class ManagedFactoriser : IFactoriser
{
    /// <inheritdoc/>
    public string Description => "managed";

    /// <summary>
    /// Householder tridiagonalisation, divide and conquer, back transformation (LAPACK's dsyevd is made of the same three).
    /// Values good to a small multiple of 2^-52 times the largest. About 6 d^3 flops, memory for 4 d^2 numbers.
    /// </summary>
    /// <inheritdoc/>
    public void SymmetricEigen(double[] a, int d, double[] values)
    {
        double largest = 0;
        foreach (double x in a)
            largest = Math.Max(largest, Math.Abs(x));
        // A power of two: exact, and no square over- or underflows that matters.
        int exponent = largest > 0 ? -Math.ILogB(largest) : 0;
        for (int i = 0; i < a.Length && exponent != 0; i++)
            a[i] = Math.ScaleB(a[i], exponent);

        var reduction = Tridiagonalisation.Reduce(a, d);
        double[] vectors = TridiagonalEigen.Decompose(reduction.Diagonal, reduction.OffDiagonal);
        reduction.BackTransform(vectors);

        var order = new int[d];
        for (int i = 0; i < d; i++)
            (order[i], values[i]) = (i, reduction.Diagonal[i]);
        Array.Sort(values, order);
        for (int j = 0; j < d; j++)
        {
            values[j] = Math.ScaleB(values[j], -exponent);
            vectors.AsSpan(order[j] * d, d).CopyTo(a.AsSpan(j * d));
        }
    }

    /// <inheritdoc/>
    public bool Cholesky(double[] a, int d) => BlockedCholesky.Factor(a, d);
}
