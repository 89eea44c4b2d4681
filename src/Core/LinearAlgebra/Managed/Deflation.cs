namespace ClusterLp.Core.LinearAlgebra.Managed;

/// <summary>
/// The part of diag(d) + rho z z^T, z = (last entries of the upper vectors; first ones of the lower), that needs work:
/// components with a negligible z are eigenpairs as they are, and of two values that nearly coincide a rotation makes one
/// such (LAPACK's dlaed2; Cuppen 1981).
/// </summary>
internal sealed class Deflation
{
    private enum Support { Upper, Both, Lower }

    /// <summary>Indices (in the merged range) that are left to solve for, by ascending d.</summary>
    public int[] Active { get; }

    /// <summary>d and z of the active ones.</summary>
    public double[] D { get; }

    public double[] Z { get; }

    /// <summary>Indices of the others: their d and vectors stand.</summary>
    public int[] Settled { get; }

    /// <summary>
    /// Positions in <see cref="Active"/> in the order upper half only, both, lower half only, by where the vectors are
    /// not zero; and how many of the first, and of the first two.
    /// </summary>
    public int[] BySupport { get; }

    public int UpperOnly { get; }

    public int UpperOrBoth { get; }

    /// <summary>Rotates vectors and changes <paramref name="d"/> and <paramref name="z"/> where values coincide.</summary>
    /// <param name="d">n values.</param>
    /// <param name="z">n values, the Euclidean norm 1.</param>
    /// <param name="rho">Positive.</param>
    /// <param name="half">Vectors before this index live in the upper half.</param>
    /// <param name="vectors">n rows, <paramref name="stride"/> apart.</param>
    /// <param name="stride">At least n.</param>
    public Deflation(Span<double> d, Span<double> z, double rho, int half, Span<double> vectors, int stride)
    {
        int n = d.Length;
        var order = new int[n];
        double largestD = 0, largestZ = 0;
        for (int i = 0; i < n; i++)
        {
            order[i] = i;
            largestD = Math.Max(largestD, Math.Abs(d[i]));
            largestZ = Math.Max(largestZ, Math.Abs(z[i]));
        }
        Array.Sort(d.ToArray(), order);
        double tolerance = 4 * Rounding.Epsilon * Math.Max(largestD, largestZ);
        var support = new Support[n];
        support.AsSpan(half).Fill(Support.Lower);
        List<int> active = [], settled = [];
        int candidate = -1;
        foreach (int next in order)
        {
            if (!(rho * Math.Abs(z[next]) > tolerance))
            {
                settled.Add(next);
                continue;
            }
            if (candidate >= 0)
            {
                double norm = double.Hypot(z[next], z[candidate]), c = z[next] / norm, s = -z[candidate] / norm;
                if (Math.Abs((d[next] - d[candidate]) * c * s) > tolerance)
                    active.Add(candidate);
                else
                {
                    (z[next], z[candidate]) = (norm, 0);
                    FusedVectors.Rotate(vectors.Slice(candidate * stride, n), vectors.Slice(next * stride, n), c, s);
                    if (support[next] != support[candidate])
                        support[next] = Support.Both;
                    (double low, double high) = (d[candidate], d[next]);
                    (d[candidate], d[next]) = (low * c * c + high * s * s, low * s * s + high * c * c);
                    settled.Add(candidate);
                }
            }
            candidate = next;
        }
        if (candidate >= 0)
            active.Add(candidate);
        (Active, Settled) = ([.. active], [.. settled]);
        (D, Z) = (new double[Active.Length], new double[Active.Length]);
        var kinds = new Support[Active.Length];
        var positions = new int[Active.Length];
        for (int i = 0; i < Active.Length; i++)
        {
            (D[i], Z[i], kinds[i], positions[i]) = (d[Active[i]], z[Active[i]], support[Active[i]], i);
            if (kinds[i] == Support.Upper)
                UpperOnly++;
            if (kinds[i] != Support.Lower)
                UpperOrBoth++;
        }
        BySupport = [.. positions.OrderBy(i => kinds[i])];
    }
}
