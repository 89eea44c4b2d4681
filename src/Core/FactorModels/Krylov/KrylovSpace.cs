using ClusterLp.Core.LinearAlgebra;

namespace ClusterLp.Core.FactorModels.Krylov;

/// <summary>
/// The block Krylov space of G = A^T C A, C the row weights: an orthonormal basis of the spans of X, G X, G^2 X, ..., and G projected
/// onto it. It grows by one block for every product of G with the block before, which is a pass over A; G itself is nowhere.
/// </summary>
/// <remarks>
/// Bakshi, Clarkson and Woodruff, "Low-rank approximation with 1/eps^(1/3) matrix-vector products" (arXiv 2202.05120), show that V cut
/// from such spaces is within 1 + eps of the best rank k in every Schatten norm; Musco and Musco (arXiv 1504.05477) showed it for the
/// Frobenius and spectral norm. Every block is orthonormalised against all before.
/// </remarks>
internal sealed class KrylovSpace
{
    // Relative to the largest eigenvalue: what G's own rounding leaves of one.
    private const double LeastEigenvalue = 1e-13;

    private readonly List<double[]> _blocks = [];
    private readonly int _threads;
    private readonly CancellationToken _cancellation;
    private double[] _projected = [];

    private KrylovSpace(int d, int threads, CancellationToken cancellation) => (D, _threads, _cancellation) = (d, threads, cancellation);

    /// <summary>d.</summary>
    public int D { get; }

    /// <summary>Orthonormal rows, each b_t x d row-major; the last has not been multiplied by G.</summary>
    public IReadOnlyList<double[]> Blocks => _blocks;

    /// <summary>K^T G L, m x l row-major: K all blocks (m dimensions), L all but the last (l).</summary>
    public double[] Projected => _projected;

    /// <summary>m.</summary>
    public int Dimensions => _blocks.Sum(block => block.Length / D);

    /// <summary>Rows of the last block; 0: the space is invariant, and nothing is left to add.</summary>
    public int LastRows => _blocks[^1].Length / D;

    private int Multiplied => Dimensions - LastRows;

    /// <summary>The space after the first pass.</summary>
    /// <param name="start">X, b x d row-major, rows independent but not orthonormal.</param>
    /// <param name="product">G X^T as its transpose, b x d.</param>
    /// <param name="d">d, b or more.</param>
    /// <param name="threads">Threads; no result depends on them.</param>
    /// <param name="cancellation">Checked now and then.</param>
    public static KrylovSpace Begin(double[] start, double[] product, int d, int threads, CancellationToken cancellation)
    {
        var space = new KrylovSpace(d, threads, cancellation);
        int b = start.Length / d;
        (double[] basis, double[] turn, int count) = OrthonormalRows.Of(start, b, d, 0, d, threads, cancellation);
        space._blocks.Add(basis);
        var turned = new double[count * d];
        RowCombinations.Add(RowCombinations.Transpose(turn, b, count), count, product, b, d, turned, threads, cancellation);
        space.Extend(turned);
        return space;
    }

    /// <summary>A space as it was.</summary>
    /// <param name="blocks"><see cref="Blocks"/>.</param>
    /// <param name="projected"><see cref="Projected"/>.</param>
    /// <param name="d">d.</param>
    /// <param name="threads">Threads; no result depends on them.</param>
    /// <param name="cancellation">Checked now and then.</param>
    public static KrylovSpace Restore(IEnumerable<double[]> blocks, double[] projected, int d, int threads, CancellationToken cancellation)
    {
        var space = new KrylovSpace(d, threads, cancellation) { _projected = projected };
        space._blocks.AddRange(blocks);
        return space;
    }

    /// <summary>Adds the block that the last one's product with G leads to. O(m b d).</summary>
    /// <param name="product">G Q^T as its transpose, b x d, Q the last block; overwritten.</param>
    public void Extend(double[] product)
    {
        (int m, int l, int b) = (Dimensions, Multiplied, LastRows);
        double[] coefficients = new double[m * b];
        double length = Math.Sqrt(product.Sum(x => x * x));
        // Twice is enough: what rounding leaves of the first time is small against what is left.
        for (int time = 0; time < 2; time++)
        {
            double[] part = Remove(product, b);
            for (int i = 0; i < part.Length; i++)
                coefficients[i] += part[i];
        }
        double[] basis = Span(product, b, LeastEigenvalue * length, D - m);
        int count = basis.Length / D;
        double[] rest = RowCombinations.Products(basis, count, product, b, D, _threads, _cancellation);
        // New columns for the block that was multiplied; in the new rows all older ones are zero.
        var projected = new double[checked((m + count) * m)];
        for (int i = 0; i < m + count; i++)
        {
            if (i < m)
                _projected.AsSpan(i * l, l).CopyTo(projected.AsSpan(i * m));
            (i < m ? coefficients.AsSpan(i * b, b) : rest.AsSpan((i - m) * b, b)).CopyTo(projected.AsSpan(i * m + l));
        }
        _projected = projected;
        _blocks.Add(basis);
    }

    /// <summary>
    /// The k leading right singular vectors of A projected, on the left, onto A L, which the passes so far determine with no other: the
    /// eigenvectors of G L (L^T G L)^-1 L^T G. They are in the span of all blocks, the last one's included.
    /// </summary>
    /// <remarks>
    /// Within the blocks G is known but for the last one's own part. This takes the least that leaves it positive semi-definite, so that
    /// the values are at least those of L alone (Rayleigh-Ritz) and at most G's: the sum of squares less the k largest bounds
    /// ||A - A V^T V||_F^2 from above. Measured, it is worth more than one further pass (docs/methods/krylov.md).
    /// </remarks>
    /// <param name="k">From 1 to the dimensions.</param>
    /// <returns>The k largest eigenvalues, descending, and their eigenvectors' coefficients in the blocks' rows, k x m.</returns>
    public (double[] Values, double[] Coefficients) Leading(int k)
    {
        (int m, int l) = (Dimensions, Multiplied);
        var known = new double[l * l];
        for (int i = 0; i < l; i++)
            for (int j = 0; j < l; j++)
                known[i * l + j] = (_projected[i * l + j] + _projected[j * l + i]) / 2;
        (double[] values, double[] vectors) = Factorisations.SymmetricEigen(known, l);
        int kept = values.TakeWhile(value => value > LeastEigenvalue * values[0]).Count();
        var root = new double[l * kept];
        for (int i = 0; i < l; i++)
            for (int j = 0; j < kept; j++)
                root[i * kept + j] = vectors[j * l + i] / Math.Sqrt(values[j]);
        double[] half = MatrixProduct.Of(_projected, root, m, l, kept, _threads, _cancellation);
        double[] whole = RowCombinations.Products(half, m, half, m, kept, _threads, _cancellation);
        for (int i = 0; i < m; i++)
            for (int j = 0; j < i; j++)
                whole[i * m + j] = whole[j * m + i];
        (double[] ritz, double[] turned) = Factorisations.SymmetricEigen(whole, m);
        return (ritz[..k], turned[..(k * m)]);
    }

    /// <summary>V, k x d, of coefficients in the blocks' rows, k x m.</summary>
    public double[] Combine(double[] coefficients, int k)
    {
        int m = Dimensions, first = 0;
        var v = new double[checked(k * D)];
        foreach (double[] block in _blocks)
        {
            int rows = block.Length / D;
            var part = new double[k * rows];
            for (int j = 0; j < k; j++)
                coefficients.AsSpan(j * m + first, rows).CopyTo(part.AsSpan(j * rows));
            RowCombinations.Add(part, k, block, rows, D, v, _threads, _cancellation);
            first += rows;
        }
        return v;
    }

    // An orthonormal basis of what rows (b x d) span, at most most rows of it and orthogonal to the space. Their Gram matrix shows only
    // directions within 1e-7 of the longest; where eigenvalues fall faster the shorter ones follow, once the longer are gone.
    private double[] Span(double[] rows, int b, double floor, int most)
    {
        double[] basis = [], rest = (double[])rows.Clone();
        while (basis.Length / D < most)
        {
            (double[] more, _, int count) = OrthonormalRows.Of(rest, b, D, floor, most - basis.Length / D, _threads, _cancellation, (found, n) =>
            {
                Remove(found, n);
                Remove(found, n, basis);
            });
            if (count == 0)
                break;
            basis = [.. basis, .. more];
            if (basis.Length / D >= b)
                break;
            Remove(rest, b, more);
        }
        return basis;
    }

    // Takes from rows (count x d) what lies in the span of orthonormal ones; returns their coefficients, height x count.
    private double[] Remove(double[] rows, int count, double[] orthonormal)
    {
        int height = orthonormal.Length / D;
        double[] part = RowCombinations.Products(orthonormal, height, rows, count, D, _threads, _cancellation);
        RowCombinations.Add(RowCombinations.Transpose(part, height, count, -1), count, orthonormal, height, D, rows, _threads, _cancellation);
        return part;
    }

    // The same of the space; coefficients m x count.
    private double[] Remove(double[] rows, int count)
    {
        (int m, int first) = (Dimensions, 0);
        var coefficients = new double[m * count];
        foreach (double[] block in _blocks)
        {
            Remove(rows, count, block).CopyTo(coefficients.AsSpan(first * count));
            first += block.Length / D;
        }
        return coefficients;
    }
}
