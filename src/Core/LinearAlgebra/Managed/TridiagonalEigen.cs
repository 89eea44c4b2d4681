using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.LinearAlgebra.Managed;

/// <summary>
/// Eigenvalues and vectors of a symmetric tridiagonal matrix by divide and conquer (Cuppen 1981; Gu and Eisenstat 1995):
/// halves are solved for themselves, then joined by the secular equation of a rank-one change, whose vectors the GEMM
/// multiplies onto the halves'. At most 4/3 d^3 flops, less what deflates.
/// </summary>
internal sealed class TridiagonalEigen
{
    private const int Leaf = 32;

    private readonly double[] _diagonal, _offDiagonal, _vectors;
    private readonly int _d;
    private readonly double _negligible;

    private TridiagonalEigen(double[] diagonal, double[] offDiagonal)
    {
        (_diagonal, _offDiagonal, _d) = (diagonal, offDiagonal, diagonal.Length);
        _vectors = new double[_d * _d];
        double largest = 0;
        foreach (double x in diagonal)
            largest = Math.Max(largest, Math.Abs(x));
        foreach (double x in offDiagonal)
            largest = Math.Max(largest, Math.Abs(x));
        _negligible = Rounding.Epsilon / 256 * largest;
    }

    /// <summary>
    /// <paramref name="diagonal"/> becomes the eigenvalues, in no order; <paramref name="offDiagonal"/> is destroyed.
    /// Returns the unit vectors as rows of a d x d matrix, row i that of value i.
    /// </summary>
    public static double[] Decompose(double[] diagonal, double[] offDiagonal)
    {
        var eigen = new TridiagonalEigen(diagonal, offDiagonal);
        eigen.Solve(0, diagonal.Length);
        return eigen._vectors;
    }

    private Span<double> Rows(int start) => _vectors.AsSpan(start * _d + start);

    private void Solve(int start, int n)
    {
        if (n <= Leaf)
        {
            for (int i = start; i < start + n; i++)
                _vectors[i * _d + i] = 1;
            ImplicitQl.Decompose(_diagonal.AsSpan(start, n), _offDiagonal.AsSpan(start, n - 1), Rows(start), _d, _negligible);
            return;
        }
        int half = n / 2;
        double beta = _offDiagonal[start + half - 1];
        _diagonal[start + half - 1] -= Math.Abs(beta);
        _diagonal[start + half] -= Math.Abs(beta);
        Solve(start, half);
        Solve(start + half, n - half);
        Join(start, n, half, beta);
    }

    /// <summary>Adds |beta| v v^T, v = (0, ..., 1, sign beta, ..., 0), to the two halves side by side.</summary>
    private void Join(int start, int n, int half, double beta)
    {
        Span<double> rows = Rows(start);
        var z = new double[n];
        for (int i = 0; i < n; i++)
            z[i] = Math.Sqrt(0.5) * (i < half ? rows[i * _d + half - 1] : Math.Sign(beta) * rows[i * _d + half]);
        double rho = 2 * Math.Abs(beta);
        Span<double> values = _diagonal.AsSpan(start, n);
        var deflation = new Deflation(values, z, rho, half, rows, _d);
        int active = deflation.Active.Length;
        if (active == 0)
            return;
        var roots = new double[active];
        double[] weights = RankOneVectors.Solve(deflation, rho, roots);

        // Both factors are read before the rows are written.
        PackedMatrix<double> upper = Gather(rows, deflation, 0, deflation.UpperOrBoth, 0, half);
        PackedMatrix<double> lower = Gather(rows, deflation, deflation.UpperOnly, active, half, n - half);
        var settled = new double[deflation.Settled.Length * n];
        var settledValues = new double[deflation.Settled.Length];
        for (int i = 0; i < settledValues.Length; i++)
        {
            settledValues[i] = values[deflation.Settled[i]];
            rows.Slice(deflation.Settled[i] * _d, n).CopyTo(settled.AsSpan(i * n));
        }
        Gemm.Multiply(weights, active, active, upper, rows, _d);
        Gemm.Multiply(weights.AsSpan(deflation.UpperOnly), active, active, lower, rows[half..], _d);
        roots.CopyTo(values);
        settledValues.CopyTo(values[active..]);
        for (int i = 0; i < settledValues.Length; i++)
            settled.AsSpan(i * n, n).CopyTo(rows[((active + i) * _d)..]);
    }

    /// <summary>Rows from to end of the active vectors, by support, and their columns first to first + columns.</summary>
    private PackedMatrix<double> Gather(ReadOnlySpan<double> rows, Deflation deflation, int from, int end, int first, int columns)
    {
        var gathered = new double[(end - from) * columns];
        for (int i = from; i < end; i++)
            rows.Slice(deflation.Active[deflation.BySupport[i]] * _d + first, columns).CopyTo(gathered.AsSpan((i - from) * columns));
        return PackedMatrix<double>.FromRows(gathered, end - from, columns);
    }
}
