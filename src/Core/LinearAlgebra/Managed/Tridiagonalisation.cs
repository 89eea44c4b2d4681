using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.LinearAlgebra.Managed;

/// <summary>
/// A = Q T Q^T, T tridiagonal, by Householder reflections from the last row up (LAPACK's dsytrd, dlatrd): half the flops
/// are matrix-vector products, the other half rank-2k updates of a panel of <see cref="Panel"/> rows by the GEMM.
/// </summary>
/// <remarks>Working upwards, every vector that is needed lies along a row of the lower triangle.</remarks>
internal sealed class Tridiagonalisation
{
    private const int Panel = 32, BlockColumns = 192;

    private readonly double[] _a, _tau;
    private readonly int _d;

    /// <summary>T's diagonal, d values.</summary>
    public double[] Diagonal { get; }

    /// <summary>T's other diagonal, d - 1 values.</summary>
    public double[] OffDiagonal { get; }

    private Tridiagonalisation(double[] a, int d)
    {
        (_a, _d, _tau) = (a, d, new double[d]);
        (Diagonal, OffDiagonal) = (new double[d], new double[d - 1]);
    }

    /// <summary>Reads the lower triangle; <paramref name="a"/> is destroyed, and kept for the way back. 4/3 d^3 flops.</summary>
    public static Tridiagonalisation Reduce(double[] a, int d)
    {
        var reduction = new Tridiagonalisation(a, d);
        for (int end = d; end > 0; end -= Panel)
            reduction.ReducePanel(Math.Max(0, end - Panel), end);
        return reduction;
    }

    /// <summary>Reflection i: I - tau v v^T, v in row i before the diagonal (its last entry is 1).</summary>
    private Span<double> Reflector(int i) => _a.AsSpan(i * _d, i);

    private void ReducePanel(int from, int end)
    {
        // Row t - from of w: A's update by reflection t is -(v w^T + w v^T).
        var w = new double[(end - from) * end];
        for (int i = end - 1; i >= from; i--)
        {
            Span<double> row = _a.AsSpan(i * _d, i + 1);
            for (int t = end - 1; t > i; t--)
            {
                ReadOnlySpan<double> v = Reflector(t), wt = w.AsSpan((t - from) * end, t);
                FusedVectors.AddScaled(row, -wt[i], v[..(i + 1)]);
                FusedVectors.AddScaled(row, -v[i], wt[..(i + 1)]);
            }
            Diagonal[i] = row[i];
            if (i > 0)
                Reflect(i, end, w, from);
        }
        if (from > 0)
            UpdateLeading(from, end, w);
    }

    /// <summary>Makes reflection i, which leaves of row i but one entry, and its w.</summary>
    private void Reflect(int i, int end, double[] w, int from)
    {
        Span<double> v = Reflector(i);
        (OffDiagonal[i - 1], _tau[i]) = Householder(v);
        double tau = _tau[i];
        Span<double> wi = w.AsSpan((i - from) * end, i);
        if (tau == 0)
            return;
        SymmetricProduct.Lower(_a, _d, i, v, wi);
        for (int t = end - 1; t > i; t--)
        {
            ReadOnlySpan<double> vt = Reflector(t)[..i], wt = w.AsSpan((t - from) * end, i);
            double alongW = FusedVectors.Dot(wt, v), alongV = FusedVectors.Dot(vt, v);
            FusedVectors.AddScaled(wi, -alongW, vt);
            FusedVectors.AddScaled(wi, -alongV, wt);
        }
        foreach (ref double value in wi)
            value *= tau;
        FusedVectors.AddScaled(wi, -tau / 2 * FusedVectors.Dot(wi, v), v);
    }

    /// <summary>
    /// I - tau v v^T maps x, given in <paramref name="v"/>, to (0, ..., 0, beta). v's last entry becomes 1. tau = 0, no
    /// reflection, where x is of that form already.
    /// </summary>
    private static (double Beta, double Tau) Householder(Span<double> v)
    {
        double alpha = v[^1];
        Span<double> rest = v[..^1];
        double largest = 0;
        foreach (double x in rest)
            largest = Math.Max(largest, Math.Abs(x));
        v[^1] = 1;
        // With A's largest entry near 1, entries this small are below rounding, and their squares may vanish.
        if (largest <= 1e-140)
        {
            rest.Clear();
            return (alpha, 0);
        }
        double beta = -Math.CopySign(Math.Sqrt(Math.FusedMultiplyAdd(alpha, alpha, FusedVectors.Dot(rest, rest))), alpha);
        double divisor = alpha - beta;
        foreach (ref double x in rest)
            x /= divisor;
        return (beta, (beta - alpha) / beta);
    }

    /// <summary>A -= V^T W + W^T V, on and below the diagonal of the leading part, a block of columns at a time.</summary>
    private void UpdateLeading(int n, int end, double[] w)
    {
        int panel = end - n;
        // Row r: -(v_n[r], ..., w_n[r], ...), beside the rows of (W; V).
        var left = new double[n * 2 * panel];
        for (int t = 0; t < panel; t++)
        {
            ReadOnlySpan<double> v = Reflector(n + t), wt = w.AsSpan(t * end, n);
            for (int r = 0; r < n; r++)
                (left[r * 2 * panel + t], left[r * 2 * panel + panel + t]) = (-v[r], -wt[r]);
        }
        for (int column = 0; column < n; column += BlockColumns)
        {
            int columns = Math.Min(BlockColumns, n - column);
            var right = new double[2 * panel * columns];
            for (int t = 0; t < panel; t++)
            {
                w.AsSpan(t * end + column, columns).CopyTo(right.AsSpan(t * columns));
                Reflector(n + t).Slice(column, columns).CopyTo(right.AsSpan((panel + t) * columns));
            }
            Gemm.Multiply(left.AsSpan(column * 2 * panel), 2 * panel, n - column,
                PackedMatrix<double>.FromRows(right, 2 * panel, columns), _a.AsSpan(column * _d + column), _d, accumulate: true);
        }
    }

    /// <summary>
    /// Rows z of <paramref name="vectors"/> (d x d, eigenvectors of T) become Q z. Reflections are applied 64 at a time as
    /// I - V S V^T (LAPACK's dlarft, dlarfb). 2 d^3 flops.
    /// </summary>
    public void BackTransform(double[] vectors)
    {
        const int block = 64;
        var along = new double[_d * block];
        for (int from = 1; from < _d; from += block)
        {
            int count = Math.Min(block, _d - from), length = from + count - 1;
            var v = new double[count * length];
            for (int t = 0; t < count; t++)
                Reflector(from + t).CopyTo(v.AsSpan(t * length));
            var minusS = new double[count * count];
            for (int t = 0; t < count; t++)
            {
                double tau = _tau[from + t];
                minusS[t * count + t] = -tau;
                for (int u = 0; u < t; u++)
                {
                    double dot = FusedVectors.Dot(v.AsSpan(u * length, from + u), v.AsSpan(t * length, from + u));
                    for (int r = 0; r <= u; r++)
                        minusS[r * count + t] = Math.FusedMultiplyAdd(-tau * dot, minusS[r * count + u], minusS[r * count + t]);
                }
            }
            var right = new double[count * length];
            Gemm.Multiply(minusS, count, count, PackedMatrix<double>.FromRows(v, count, length), right, length);
            Gemm.Multiply(vectors, _d, _d, PackedMatrix<double>.FromTransposed(v, length, count), along, count);
            Gemm.Multiply(along, count, _d, PackedMatrix<double>.FromRows(right, count, length), vectors, _d, accumulate: true);
        }
    }
}
