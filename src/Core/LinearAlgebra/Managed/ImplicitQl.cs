namespace ClusterLp.Core.LinearAlgebra.Managed;

/// <summary>Eigenvalues and vectors of a small tridiagonal matrix by the implicit QL iteration (EISPACK's tql2).</summary>
internal static class ImplicitQl
{
    /// <summary>
    /// <paramref name="d"/> becomes the eigenvalues, in no order; <paramref name="e"/> (one shorter) is destroyed; row i
    /// of <paramref name="vectors"/> (n x n within rows <paramref name="stride"/> apart, the identity at first) becomes
    /// the vector of value i. O(n^3).
    /// </summary>
    /// <param name="d">The diagonal, n values.</param>
    /// <param name="e">The other diagonal, n - 1 values.</param>
    /// <param name="vectors">See above.</param>
    /// <param name="stride">At least n.</param>
    /// <param name="negligible">Entries of this size count as zero, whatever their neighbours.</param>
    public static void Decompose(Span<double> d, Span<double> e, Span<double> vectors, int stride, double negligible)
    {
        int n = d.Length;
        for (int first = 0; first < n; first++)
            for (int step = 0; ; step++)
            {
                int last = first;
                while (last < n - 1 && Math.Abs(e[last]) > Math.Max(negligible, Rounding.Epsilon * (Math.Abs(d[last]) + Math.Abs(d[last + 1]))))
                    last++;
                if (last < n - 1)
                    e[last] = 0;
                if (last == first)
                    break;
                // Two or three steps a value are usual, ten rare.
                if (step == 100)
                    throw new InvalidOperationException($"the QL iteration did not converge at value {first} of {n}");
                Sweep(d, e, vectors, stride, first, last);
            }
    }

    /// <summary>One QL step with Wilkinson's shift on the unreduced part from <paramref name="first"/> to <paramref name="last"/>.</summary>
    private static void Sweep(Span<double> d, Span<double> e, Span<double> vectors, int stride, int first, int last)
    {
        double g = (d[first + 1] - d[first]) / (2 * e[first]), r = double.Hypot(g, 1);
        g = d[last] - d[first] + e[first] / (g + Math.CopySign(r, g));
        double s = 1, c = 1, p = 0;
        for (int i = last - 1; i >= first; i--)
        {
            double f = s * e[i], b = c * e[i];
            r = double.Hypot(f, g);
            if (i < last - 1)
                e[i + 1] = r;
            if (r == 0)
            {
                d[i + 1] -= p;
                return;
            }
            (s, c) = (f / r, g / r);
            g = d[i + 1] - p;
            r = (d[i] - g) * s + 2 * c * b;
            p = s * r;
            d[i + 1] = g + p;
            g = c * r - b;
            FusedVectors.Rotate(vectors.Slice((i + 1) * stride, d.Length), vectors.Slice(i * stride, d.Length), c, s);
        }
        d[first] -= p;
        e[first] = g;
    }
}
