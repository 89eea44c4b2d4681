using ClusterLp.Core.Coresets;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;

namespace ClusterLp.Core.LpFit;

/// <summary>
/// The contraction that finds l_p Lewis weights w_i of the rows c_i^(1/p) a_i and with them the ellipsoid
/// M = sum w_i^(1-2/p) c_i^(2/p) a_i a_i^T (Cohen and Peng 2015; DESIGN 2.1). At its fixed point
/// w_i = c_i (a_i^T M^-1 a_i)^(p/2) and sum w_i = d.
/// </summary>
public static class LewisWeights
{
    /// <summary>Rows of the random projection in <see cref="Sketch"/>.</summary>
    public const int SketchRows = 64;

    private const int Panel = 128;
    private const double Smallest = 1e-30;

    /// <summary>Lewis weight of row i before the first round: d c_i / sum c, for which M is a multiple of A^T C A.</summary>
    public static double Start(int d, double rowWeight, double rowWeightSum) => d * rowWeight / rowWeightSum;

    /// <summary>
    /// The weight of a_i a_i^T in M: w_i^(1-2/p) c_i^(2/p); 0 of a row that does not count.
    /// </summary>
    public static double GramWeight(double lewisWeight, double rowWeight, double p) =>
        rowWeight == 0 ? 0 : Math.Pow(lewisWeight, 1 - 2 / p) * Math.Pow(rowWeight, 2 / p);

    /// <summary>L^-1 (lower, d x d row-major) of M + 1e-10 tr(M)/d I = L L^T. A zero M counts as the identity. O(d^3).</summary>
    public static double[] InverseFactor(double[] ellipsoid, int d)
    {
        double trace = 0;
        for (int i = 0; i < d; i++)
            trace += ellipsoid[i * d + i];
        double ridge = trace > 0 ? 1e-10 * trace / d : 1;
        var ridged = (double[])ellipsoid.Clone();
        for (int i = 0; i < d; i++)
            ridged[i * d + i] += ridge;
        return Factorisations.InverseCholesky(ridged, d);
    }

    /// <summary>Packs L^-1 for <see cref="Update"/>: panels of rows, without the zeros right of each.</summary>
    public static PackedMatrix<double>[] Pack(double[] inverseFactor, int d)
    {
        var panels = new PackedMatrix<double>[(d + Panel - 1) / Panel];
        for (int part = 0; part < panels.Length; part++)
        {
            int first = part * Panel, columns = Math.Min(Panel, d - first), inner = first + columns;
            var rows = new double[columns * inner];
            for (int j = 0; j < columns; j++)
                inverseFactor.AsSpan((first + j) * d, inner).CopyTo(rows.AsSpan(j * inner));
            panels[part] = PackedMatrix<double>.FromTransposed(rows, inner, columns);
        }
        return panels;
    }

    /// <summary>
    /// As <see cref="Pack"/>, for weights that are only sampled by: G L^-1 with G a random <see cref="SketchRows"/> x d matrix of signs,
    /// which keeps every ||L^-1 a_i||^2 on average, with a standard deviation of sqrt(2 / <see cref="SketchRows"/>) of it, at
    /// a fraction of the cost (Drineas, Magdon-Ismail, Mahoney and Woodruff 2012, "Fast approximation of matrix coherence and
    /// statistical leverage"; signs: Achlioptas 2003). A narrow matrix is packed exactly.
    /// </summary>
    /// <param name="inverseFactor">L^-1, d x d row-major, lower.</param>
    /// <param name="d">Columns.</param>
    /// <param name="seed">The job's seed; with <paramref name="tensor"/> it fixes G.</param>
    /// <param name="tensor">Index of the tensor in the job.</param>
    public static PackedMatrix<double>[] Sketch(double[] inverseFactor, int d, ulong seed, int tensor)
    {
        if (d <= 2 * SketchRows)
            return Pack(inverseFactor, d);
        return [PackedMatrix<double>.FromTransposed(Signed(inverseFactor, d, seed, tensor), d, SketchRows)];
    }

    /// <summary>The matrix of <see cref="Sketch"/>, transposed, for rows by their entries: d x r row-major.</summary>
    /// <inheritdoc cref="Sketch"/>
    public static double[] SketchColumns(double[] inverseFactor, int d, ulong seed, int tensor)
    {
        (double[] rows, int r) = d <= 2 * SketchRows ? (inverseFactor, d) : (Signed(inverseFactor, d, seed, tensor), SketchRows);
        var columns = new double[d * r];
        for (int i = 0; i < r; i++)
            for (int j = 0; j < d; j++)
                columns[j * r + i] = rows[i * d + j];
        return columns;
    }

    // G L^-1, SketchRows x d.
    private static double[] Signed(double[] inverseFactor, int d, ulong seed, int tensor)
    {
        var sketch = new double[SketchRows * d];
        double size = 1 / Math.Sqrt(SketchRows);
        for (int i = 0; i < d; i++)
        {
            ReadOnlySpan<double> row = inverseFactor.AsSpan(i * d, i + 1);
            for (int j = 0; j < SketchRows; j++)
            {
                double sign = RowSampler.Uniform(~seed, tensor, (long)i * SketchRows + j) < 0.5 ? -size : size;
                FusedVectors.AddScaled(sketch.AsSpan(j * d, row.Length), sign, row);
            }
        }
        return sketch;
    }

    /// <summary>
    /// w_i = c_i (a_i^T M^-1 a_i)^(p/2) for <paramref name="count"/> rows (count x d row-major float32), float64; at least
    /// c_i 1e-30^(p/2), so that zero rows have a logarithm. O(count d^2).
    /// </summary>
    public static void Update(ReadOnlySpan<float> rows, int count, int d, PackedMatrix<double>[] inverseFactor, ReadOnlySpan<double> rowWeights,
        double p, Span<double> weights, CancellationToken cancellation)
    {
        using var clock = KernelClock.Measure(KernelKind.Elementwise);
        const int tile = 128;
        var product = new double[tile * Panel];
        Span<double> squares = stackalloc double[tile];
        for (int first = 0; first < count; first += tile)
        {
            cancellation.ThrowIfCancellationRequested();
            int height = Math.Min(tile, count - first);
            squares.Clear();
            foreach (PackedMatrix<double> panel in inverseFactor)
            {
                Gemm.Multiply(rows.Slice(first * d, height * d), d, height, panel, product, panel.Columns);
                for (int i = 0; i < height; i++)
                {
                    ReadOnlySpan<double> row = product.AsSpan(i * panel.Columns, panel.Columns);
                    squares[i] += FusedVectors.Dot(row, row);
                }
            }
            for (int i = 0; i < height; i++)
                weights[first + i] = rowWeights[first + i] * Math.Pow(Math.Max(squares[i], Smallest), p / 2);
        }
    }

    /// <summary>The same for rows by their entries, from <see cref="SketchColumns"/>: O(entries r).</summary>
    public static void Update(SparseRows rows, int d, double[] factorColumns, ReadOnlySpan<double> rowWeights, double p, Span<double> weights,
        CancellationToken cancellation)
    {
        using var clock = KernelClock.Measure(KernelKind.Elementwise);
        int r = factorColumns.Length / d;
        var product = new double[r];
        for (int i = 0; i < rows.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            product.AsSpan().Clear();
            ReadOnlySpan<int> columns = rows.ColumnsOf(i);
            ReadOnlySpan<float> values = rows.ValuesOf(i);
            for (int e = 0; e < columns.Length; e++)
                FusedVectors.AddScaled(product, values[e], factorColumns.AsSpan(columns[e] * r, r));
            weights[i] = rowWeights[i] * Math.Pow(Math.Max(FusedVectors.Dot(product, product), Smallest), p / 2);
        }
    }
}
