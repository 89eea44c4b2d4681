using ClusterLp.Core.Coresets;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;

namespace ClusterLp.Core.LpFit;

/// <summary>
/// Some of the d columns in which min_u ||a - u V||_p is solved, V k x d: column j is drawn with probability q_j in proportion to the
/// l_p Lewis weight of V's column, at most 1, and its residual counts 1/q_j times, by which the sampled sum is the whole on
/// average (Musco, Musco, Woodruff and Yasuda 2022, "Active Linear Regression for l_p Norms and Beyond", arXiv 2111.04888). One sample
/// does for all rows. Immutable.
/// </summary>
/// <remarks>
/// Let B = V_S D, D the factors q_j^(-1/p), and B = R Q with orthonormal rows of Q: u minimises ||a_S D - u B||_p where u R minimises
/// ||a_S D - u' Q||_p, which is <see cref="RowRegression"/>'s problem in fewer columns.
/// </remarks>
/// <param name="Columns">The m columns drawn, ascending.</param>
/// <param name="Factors">D's, m.</param>
/// <param name="Basis">m x m row-major: Q, k x m, and a basis of its complement.</param>
/// <param name="Back">R^-1, k x k row-major.</param>
public sealed record ColumnSample(int[] Columns, double[] Factors, float[] Basis, double[] Back)
{
    /// <summary>A sample in which V's rows are so nearly dependent that u is lost to rounding is drawn again.</summary>
    private const double LeastEigenvalue = 1e-6;

    private const int MostDraws = 20, MostRounds = 30;
    private const double Tolerance = 1e-3;

    /// <summary>k.</summary>
    public int Rank => (int)Math.Round(Math.Sqrt(Back.Length));

    /// <summary>l_p Lewis weights of V's columns (V k x d row-major, of rank k): they add up to k. O(rounds d k^2).</summary>
    public static double[] Weights(ReadOnlySpan<float> v, int k, int d, double p, CancellationToken cancellation)
    {
        float[] columns = Transpose(v, k, d);
        double[] ones = [.. Enumerable.Repeat(1.0, d)], weights = [.. Enumerable.Repeat((double)k / d, d)], before;
        var gramWeights = new double[d];
        double change;
        int rounds = 0;
        do
        {
            for (int j = 0; j < d; j++)
                gramWeights[j] = LewisWeights.GramWeight(weights[j], 1, p);
            var gram = new double[k * k];
            Gram.AccumulateUpper(columns, d, k, gramWeights, gram);
            Gram.MirrorUpper(gram, k);
            before = [.. weights];
            LewisWeights.Update(columns, d, k, LewisWeights.Pack(LewisWeights.InverseFactor(gram, k), k), ones, p, weights, cancellation);
            change = 0;
            for (int j = 0; j < d; j++)
                change = Math.Max(change, Math.Abs(Math.Log(weights[j] / before[j])));
        }
        while (change >= Tolerance && ++rounds < MostRounds);
        return weights;
    }

    /// <summary>q_j = min(1, t w_j), t such that they add up to <paramref name="expected"/> of the columns, fewer than all.</summary>
    public static double[] Probabilities(double[] weights, int expected)
    {
        int[] order = [.. Enumerable.Range(0, weights.Length)];
        Array.Sort(order, (i, j) => weights[i] != weights[j] ? weights[j].CompareTo(weights[i]) : i.CompareTo(j));
        double rest = 0;
        var tails = new double[weights.Length];
        for (int at = order.Length - 1; at >= 0; at--)
            tails[at] = rest += weights[order[at]];
        int certain = 0;
        while (certain < expected && weights[order[certain]] * (expected - certain) >= tails[certain])
            certain++;
        var probabilities = new double[weights.Length];
        for (int at = 0; at < order.Length; at++)
            probabilities[order[at]] = at < certain ? 1 : (expected - certain) * weights[order[at]] / tails[certain];
        return probabilities;
    }

    /// <summary>Draws about <paramref name="expected"/> columns, each by itself.</summary>
    /// <param name="v">V, k x d row-major, rows orthonormal.</param>
    /// <param name="k">Rank.</param>
    /// <param name="d">Columns of the matrix.</param>
    /// <param name="p">In [1, 2).</param>
    /// <param name="expected">From k to d - 1.</param>
    /// <param name="seed">The job's; with <paramref name="tensor"/> it fixes the draw.</param>
    /// <param name="tensor">Index of the tensor in the job.</param>
    /// <param name="cancellation">Checked at every round.</param>
    /// <returns>Null where no draw of twenty determined u.</returns>
    public static ColumnSample? Draw(ReadOnlySpan<float> v, int k, int d, double p, int expected, ulong seed, int tensor, CancellationToken cancellation)
    {
        double[] probabilities = Probabilities(Weights(v, k, d, p, cancellation), expected);
        for (ulong draw = 1; draw <= MostDraws; draw++)
        {
            ulong other = seed ^ (0xD1B54A32D192ED03 * draw);
            int[] columns = [.. Enumerable.Range(0, d).Where(j => RowSampler.Copies(probabilities[j], other, tensor, j) > 0)];
            if (columns.Length >= k && Of(v, k, d, columns, Array.ConvertAll(columns, j => Math.Pow(probabilities[j], -1 / p))) is { } sample)
                return sample;
        }
        return null;
    }

    /// <summary>The sample of these columns; null where they do not determine u.</summary>
    private static ColumnSample? Of(ReadOnlySpan<float> v, int k, int d, int[] columns, double[] factors)
    {
        int m = columns.Length;
        var b = new double[k * m];
        for (int t = 0; t < k; t++)
            for (int j = 0; j < m; j++)
                b[t * m + j] = factors[j] * v[t * d + columns[j]];
        double[] transposed = Transpose(b, k, m);
        double[] square = MatrixProduct.Of(b, transposed, k, m, k, 1, CancellationToken.None);
        double[] values = Factorisations.SymmetricEigen(square, k).Values;
        if (!(values[^1] > LeastEigenvalue * values[0]))
            return null;
        // Of B^T B the k leading eigenvectors span B's rows, and the others the rest.
        float[] basis = OrthonormalBasis.Eigenvectors(MatrixProduct.Of(transposed, b, m, k, m, 1, CancellationToken.None), m).Rows;
        // R^-1 = Q B^T (B B^T)^-1, for Q = R^-1 B.
        double[] inverse = Factorisations.InverseCholesky(square, k);
        double[] ofSquare = MatrixProduct.Of(Transpose(inverse, k, k), inverse, k, k, k, 1, CancellationToken.None);
        double[] q = Array.ConvertAll(basis[..(k * m)], x => (double)x);
        return new ColumnSample(columns, factors, basis,
            MatrixProduct.Of(MatrixProduct.Of(q, transposed, k, m, k, 1, CancellationToken.None), ofSquare, k, k, k, 1, CancellationToken.None));
    }

    private static T[] Transpose<T>(ReadOnlySpan<T> matrix, int rows, int columns)
    {
        var transposed = new T[matrix.Length];
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                transposed[j * rows + i] = matrix[i * columns + j];
        return transposed;
    }

    private static double[] Transpose(double[] matrix, int rows, int columns) => Transpose<double>(matrix.AsSpan(), rows, columns);
}
