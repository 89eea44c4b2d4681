using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ClusterLp.Core.LinearAlgebra.Managed;

/// <summary>
/// Eigenvectors of diag(d) + rho z z^T. The roots are rounded, so the vectors are those of the z^ for which they are exact
/// (Loewner's formula): orthogonal to rounding however close the roots are (Gu and Eisenstat 1994).
/// </summary>
internal static class RankOneVectors
{
    /// <summary>
    /// The roots, ascending, and the unit vectors as rows (n x n), components in the order of
    /// <see cref="Deflation.BySupport"/>. O(n^2).
    /// </summary>
    public static double[] Solve(Deflation deflation, double rho, double[] roots)
    {
        (double[] d, int n) = (deflation.D, roots.Length);
        var equation = new SecularEquation(d, deflation.Z, rho);
        var differences = new double[n * n];
        var z = new double[n];
        Array.Fill(z, 1);
        for (int j = 0; j < n; j++)
        {
            Span<double> row = differences.AsSpan(j * n, n);
            roots[j] = equation.Root(j, row);
            // z^_i^2 = prod over j of (root_j - d_i), over prod over j != i of (d_j - d_i), less a common factor.
            z[j] *= row[j];
            MultiplyRatios(z.AsSpan(0, j), row, d, d[j]);
            MultiplyRatios(z.AsSpan(j + 1), row[(j + 1)..], d.AsSpan(j + 1), d[j]);
        }
        for (int i = 0; i < n; i++)
            z[i] = Math.CopySign(Math.Sqrt(Math.Abs(z[i])), deflation.Z[i]);

        var vector = new double[n];
        for (int j = 0; j < n; j++)
        {
            Span<double> row = differences.AsSpan(j * n, n);
            for (int i = 0; i < n; i++)
                vector[i] = z[i] / row[i];
            double norm = Math.Sqrt(FusedVectors.Dot(vector, vector));
            for (int i = 0; i < n; i++)
                row[i] = vector[deflation.BySupport[i]] / norm;
        }
        return differences;
    }

    /// <summary>z_i *= differences_i / (d_i - pole).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyRatios(Span<double> z, ReadOnlySpan<double> differences, ReadOnlySpan<double> d, double pole)
    {
        ref double zs = ref MemoryMarshal.GetReference(z);
        ref double above = ref MemoryMarshal.GetReference(differences);
        ref double ds = ref MemoryMarshal.GetReference(d);
        var subtract = Vector256.Create(pole);
        nuint i = 0, count = (nuint)z.Length;
        for (; i + 4 <= count; i += 4)
            (Vector256.LoadUnsafe(ref zs, i) * (Vector256.LoadUnsafe(ref above, i) / (Vector256.LoadUnsafe(ref ds, i) - subtract))).StoreUnsafe(ref zs, i);
        for (; i < count; i++)
            z[(int)i] *= differences[(int)i] / (d[(int)i] - pole);
    }
}
