using System.Globalization;
using ClusterLp.Core.LinearAlgebra;

namespace ClusterLp.Core.LpFit;

/// <summary>
/// S = H^(1/2), the symmetric root of a column metric, and S^+, its pseudo-inverse: A S is fitted by U V', and V = V' S^+.
/// </summary>
/// <remarks>
/// At p = 2 every factor F with F F^T = H gives the same errors; elsewhere F's columns are what l_p counts entry by entry. The
/// symmetric root is the one that turns the columns least: for a diagonal H it weighs them, for H = I it is I, and it does not
/// depend on their order, as a Cholesky factor does. H is brought to a mean diagonal near 1 by a power of 4, which is exact.
/// </remarks>
/// <param name="Root">S / <paramref name="Unit"/>, d x d row-major float64.</param>
/// <param name="Inverse">(S / <paramref name="Unit"/>)^+.</param>
/// <param name="Unit">A power of two: S is this times <paramref name="Root"/>.</param>
/// <param name="Rank">Eigenvalues of H that count.</param>
public sealed record MetricRoot(double[] Root, double[] Inverse, double Unit, int Rank)
{
    /// <summary>
    /// Eigenvalues below this share of the largest count as zero in S and S^+ alike. S^+ magnifies by 1e4 at most, the float32
    /// rounding of V' to a thousandth.
    /// </summary>
    public const double Cutoff = 1e-8;

    /// <summary>Negative eigenvalues up to this share of the largest are taken for rounding of a float32 Gram, and for zero.</summary>
    private const double NegativeTolerance = 1e-5;

    /// <summary>By eigen decomposition, O(d^3); of a diagonal metric entry by entry, exactly rounded.</summary>
    /// <param name="metric">H.</param>
    /// <param name="path">Its file, for the message.</param>
    /// <param name="threads">Threads of the products; the result does not depend on it.</param>
    /// <param name="cancellation">Checked between rows.</param>
    /// <exception cref="ClusterLpException">H has a negative eigenvalue beyond rounding (exit 65).</exception>
    public static MetricRoot Of(ColumnMetric metric, string path, int threads, CancellationToken cancellation)
    {
        int d = metric.D;
        double mean = 0;
        for (int i = 0; i < d; i++)
            mean += Math.Max(metric.Values[i * d + i], 0) / d;
        double unit = mean > 0 ? Math.ScaleB(1, (int)Math.Round(Math.Log2(mean) / 2)) : 1;
        double[] h = Array.ConvertAll(metric.Values, value => value / unit / unit);
        (double[] values, double[] vectors) = IsDiagonal(h, d) ? Diagonal(h, d) : Factorisations.SymmetricEigen(h, d);
        double largest = values.Max(), least = values.Min();
        if (!(largest > 0) || least < -NegativeTolerance * largest)
            throw ClusterLpException.BadInput(string.Create(CultureInfo.InvariantCulture,
                $"{path}: the column metric is not positive semi-definite: its eigenvalues reach from {least * unit * unit:G4} to {largest * unit * unit:G4}; expected X^T X."));
        double[] roots = Array.ConvertAll(values, value => value > Cutoff * largest ? Math.Sqrt(value) : 0);
        return new MetricRoot(
            Compose(roots), Compose(Array.ConvertAll(roots, root => root > 0 ? 1 / root : 0)), unit, roots.Count(root => root > 0));

        // sum_j w_j q_j q_j^T.
        double[] Compose(double[] weights)
        {
            double[] left = new double[d * d], right = new double[d * d];
            for (int j = 0; j < d; j++)
                for (int i = 0; i < d; i++)
                {
                    left[i * d + j] = vectors[j * d + i];
                    right[j * d + i] = weights[j] * vectors[j * d + i];
                }
            double[] sum = MatrixProduct.Of(left, right, d, d, d, threads, cancellation);
            // Rounding makes the two triangles differ in the last bits.
            for (int i = 0; i < d; i++)
                for (int j = i + 1; j < d; j++)
                    sum[j * d + i] = sum[i * d + j];
            return sum;
        }
    }

    /// <summary>S G S / Unit^2 for a symmetric G: the Gram matrix of A S.</summary>
    public double[] Transform(double[] gram, int d, int threads, CancellationToken cancellation)
    {
        double[] left = MatrixProduct.Of(Root, gram, d, d, d, threads, cancellation);
        double[] both = MatrixProduct.Of(left, Root, d, d, d, threads, cancellation);
        for (int i = 0; i < d; i++)
            for (int j = i + 1; j < d; j++)
                both[j * d + i] = both[i * d + j];
        return both;
    }

    private static bool IsDiagonal(double[] h, int d)
    {
        for (int i = 0; i < d; i++)
            for (int j = 0; j < d; j++)
                if (i != j && h[i * d + j] != 0)
                    return false;
        return true;
    }

    private static (double[] Values, double[] Vectors) Diagonal(double[] h, int d)
    {
        var (values, vectors) = (new double[d], new double[d * d]);
        for (int i = 0; i < d; i++)
            (values[i], vectors[i * d + i]) = (h[i * d + i], 1);
        return (values, vectors);
    }
}
