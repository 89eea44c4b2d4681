using ClusterLp.Core.LinearAlgebra;

namespace ClusterLp.Core.FactorModels.Krylov;

/// <summary>
/// An orthonormal basis of the span of some rows in R^d, by eigenvectors of their Gram matrix, three times over (SVQB: Stathopoulos
/// and Wu, "A block orthogonalization procedure with constant synchronization requirements", SIAM J. Sci. Comput. 23(6), 2002).
/// Directions that the rows do not determine to rounding are left out.
/// </summary>
internal static class OrthonormalRows
{
    // The Gram matrix squares the condition number, and float64 has 16 digits.
    private const double LeastShare = 1e-14;

    /// <summary>The basis as T^T X. O(m^2 d + m^3). Deterministic.</summary>
    /// <param name="rows">X, m x d row-major; left as it is.</param>
    /// <param name="m">Rows, 1 or more.</param>
    /// <param name="d">Columns.</param>
    /// <param name="floor">Directions in which X has at most this length are left out too.</param>
    /// <param name="most">Most rows of the basis, those in which X is longest; 0 or more.</param>
    /// <param name="threads">Threads; the result does not depend on them.</param>
    /// <param name="cancellation">Checked now and then.</param>
    /// <param name="clean">Called after each time, to take from the basis so far (count x d) what rounding put there; may be null.</param>
    /// <returns>The basis, count x d, and T, m x count; what <paramref name="clean"/> did is not in T.</returns>
    public static (double[] Basis, double[] Turn, int Count) Of(
        double[] rows, int m, int d, double floor, int most, int threads, CancellationToken cancellation, Action<double[], int>? clean = null)
    {
        const int times = 3;
        double[] turn = [];
        int count = m;
        for (int time = 0; time < times; time++)
        {
            if (count == 0)
                return ([], [], 0);
            double[] gram = RowCombinations.Products(rows, count, rows, count, d, threads, cancellation);
            (double[] values, double[] vectors) = Factorisations.SymmetricEigen(gram, count);
            double least = Math.Max(LeastShare * values[0], time == 0 ? floor * floor : 0);
            int kept = Math.Min(most, values.TakeWhile(value => value > least).Count());
            // Row j: eigenvector j over the root of its value.
            var step = new double[kept * count];
            for (int j = 0; j < kept; j++)
                for (int i = 0; i < count; i++)
                    step[j * count + i] = vectors[j * count + i] / Math.Sqrt(values[j]);
            var next = new double[checked(kept * d)];
            RowCombinations.Add(step, kept, rows, count, d, next, threads, cancellation);
            double[] turned = RowCombinations.Transpose(step, kept, count);
            turn = time == 0 ? turned : MatrixProduct.Of(turn, turned, m, count, kept, threads, cancellation);
            (rows, count) = (next, kept);
            if (count > 0)
                clean?.Invoke(rows, count);
        }
        return (rows, turn, count);
    }
}
