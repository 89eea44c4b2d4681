using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.LpFit;

/// <summary>
/// U by row-wise l_p regression in a sample of the columns, then for each row the best of five points from its projection to that
/// solution, in all columns: so no row is worse than projected. Immutable; thread-safe.
/// </summary>
/// <remarks>
/// The l_p error is convex between the two. A sample's solution errs independently of the projection, so that a point between
/// is as a rule better than either: it costs a product and four sums of powers.
/// </remarks>
public sealed class SampledRegression
{
    /// <summary>Steps from the projection to the sample's solution.</summary>
    private const int Steps = 4;

    private readonly OrthonormalBasis _basis;
    private readonly ColumnSample _sample;
    private readonly RowRegression _regression;
    private readonly PackedMatrix<float> _back;
    private readonly double _p;

    /// <param name="basis">V and its complement; its rank is k.</param>
    /// <param name="sample">Of V's columns.</param>
    /// <param name="p">In [1, 2).</param>
    /// <param name="options">Of the regression in the sample.</param>
    public SampledRegression(OrthonormalBasis basis, ColumnSample sample, double p, RegressionOptions options)
    {
        (_basis, _sample, _p) = (basis, sample, p);
        int k = basis.Rank, m = sample.Columns.Length;
        _regression = new RowRegression(new OrthonormalBasis(sample.Basis, m, k), p, options);
        _back = PackedMatrix<float>.FromRows(Array.ConvertAll(sample.Back, x => (float)x), k, k);
    }

    /// <summary>Solves <paramref name="count"/> rows. O(iterations count m min(k, m - k) + count k d).</summary>
    /// <param name="rows">A, count x d.</param>
    /// <param name="count">Rows, 1 or more.</param>
    /// <param name="u">Receives U, count x k.</param>
    /// <param name="residuals">Receives A - U V, count x d.</param>
    /// <param name="cancellation">Checked between tiles.</param>
    /// <returns>Iterations, of all rows; and how many of them stay projected.</returns>
    public (long Iterations, int Projected) Solve(ReadOnlySpan<float> rows, int count, Span<float> u, Span<float> residuals, CancellationToken cancellation)
    {
        (int d, int k) = (_basis.D, _basis.Rank);
        long iterations = InSample(rows, count, u, cancellation);
        Residuals(rows, count, u, residuals);
        var (projection, projected) = (new float[count * k], new float[count * d]);
        Gemm.Multiply(rows, d, count, _basis.VTransposed, projection, k);
        Residuals(rows, count, projection, projected);
        int stayed = 0;
        var between = new float[d];
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<float> from = projected.AsSpan(i * d, d);
            Span<float> to = residuals.Slice(i * d, d), solution = u.Slice(i * k, k);
            (int best, double least) = (0, PowerSums.AbsolutePower(from, _p));
            for (int step = 1; step <= Steps; step++)
            {
                Blend(from, to, step, between);
                // Never where the sample's u is no number.
                if (PowerSums.AbsolutePower(between, _p) is var power && power < least)
                    (best, least) = (step, power);
            }
            Blend(from, to, best, to);
            Blend(projection.AsSpan(i * k, k), solution, best, solution);
            if (best == 0)
                stayed++;
        }
        return (iterations, stayed);
    }

    private static void Blend(ReadOnlySpan<float> from, ReadOnlySpan<float> to, int step, Span<float> result)
    {
        if (step == 0)
        {
            from.CopyTo(result);
            return;
        }
        float share = (float)step / Steps;
        for (int j = 0; j < from.Length; j++)
            result[j] = from[j] + share * (to[j] - from[j]);
    }

    /// <summary>U as the sample gives it, count x k; returns the iterations of all rows. O(iterations count m min(k, m - k)).</summary>
    public long InSample(ReadOnlySpan<float> rows, int count, Span<float> u, CancellationToken cancellation)
    {
        (int d, int k, int m) = (_basis.D, _basis.Rank, _sample.Columns.Length);
        var some = new float[count * m];
        for (int i = 0; i < count; i++)
            for (int j = 0; j < m; j++)
                some[i * m + j] = (float)(_sample.Factors[j] * rows[i * d + _sample.Columns[j]]);
        var turned = new float[count * k];
        long iterations = _regression.Solve(some, count, turned, cancellation).Iterations;
        Gemm.Multiply(turned, k, count, _back, u, k);
        return iterations;
    }

    private void Residuals(ReadOnlySpan<float> rows, int count, ReadOnlySpan<float> u, Span<float> residuals)
    {
        Gemm.Multiply(u, _basis.Rank, count, _basis.V, residuals, _basis.D);
        Difference.Of(rows[..(count * _basis.D)], residuals[..(count * _basis.D)], residuals[..(count * _basis.D)]);
    }
}
