namespace ClusterLp.Core.LinearAlgebra;

/// <summary>The inverse of a triangular matrix (MathNet has only the general one, by LU).</summary>
public static class TriangularInverse
{
    // Rows solved together: each earlier row is read once for all of them.
    private const int Together = 8;

    /// <summary>
    /// X = L^-1, row-major d x d float64, by forward substitution: row i is (e_i - sum over j &lt; i of l_ij x_j) / l_ii.
    /// Entries of L above the diagonal are not read, those of X are zero. d^3/3 flops; the bits depend on L alone.
    /// </summary>
    /// <exception cref="ArgumentException">A diagonal entry is zero or not a number.</exception>
    public static double[] Lower(double[] l, int d)
    {
        for (int i = 0; i < d; i++)
            if (l[i * d + i] == 0 || !double.IsFinite(l[i * d + i]))
                throw new ArgumentException($"diagonal entry {i} of the triangular matrix is {l[i * d + i]}", nameof(l));
        var x = new double[d * d];
        for (int top = 0; top < d; top += Together)
        {
            int end = Math.Min(top + Together, d);
            for (int j = 0; j < top; j++)
                for (int i = top; i < end; i++)
                    FusedVectors.AddScaled(x.AsSpan(i * d, j + 1), -l[i * d + j], x.AsSpan(j * d, j + 1));
            for (int i = top; i < end; i++)
            {
                Span<double> row = x.AsSpan(i * d, i + 1);
                for (int j = top; j < i; j++)
                    FusedVectors.AddScaled(row[..(j + 1)], -l[i * d + j], x.AsSpan(j * d, j + 1));
                row[i] = 1;
                double pivot = l[i * d + i];
                foreach (ref double value in row)
                    value /= pivot;
            }
        }
        return x;
    }
}
