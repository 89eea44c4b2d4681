using System.Collections.Immutable;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Evaluation;

/// <summary>
/// The l_p error by rank, on a sample of rows: of the SVD, and with its V and U by regression. A job fits V to the matrix and
/// does better; fitting one at every rank would be as many jobs.
/// </summary>
/// <param name="basis">Right singular vectors of A, d x d row-major, descending.</param>
/// <param name="d">Columns.</param>
/// <param name="p">In [1, 2].</param>
/// <param name="threads">The result does not depend on it.</param>
/// <param name="cancellation">Checked between tiles.</param>
internal sealed class RankCurve(float[] basis, int d, double p, int threads, CancellationToken cancellation)
{
    private const int Tile = RowRegression.TileRows;

    /// <summary>O(ranks rows d (k + iterations min(k, d - k))).</summary>
    /// <param name="rows">The sample, count x d row-major.</param>
    /// <param name="ranks">Ascending, each from 1 to d.</param>
    /// <param name="done">Told after every rank.</param>
    public ImmutableArray<RankPoint> Measure(float[] rows, int[] ranks, Action done)
    {
        // Regressions work on entries near 1; a power of two changes no bit of them.
        double mean = PowerSums.AbsolutePower(rows, 1) / rows.Length;
        float scale = mean > 0 ? (float)Math.ScaleB(1, (int)Math.Clamp(Math.Round(-Math.Log2(mean)), -126, 126)) : 1;
        float[] scaled = Array.ConvertAll(rows, x => x * scale);
        double norm = PowerSums.AbsolutePower(scaled, p);
        return [.. ranks.Select(rank =>
        {
            RankPoint point = norm > 0 ? At(scaled, norm, rank) : new RankPoint(rank, 0, 0);
            done();
            return point;
        })];
    }

    private RankPoint At(float[] rows, double norm, int rank)
    {
        var at = new OrthonormalBasis(basis, d, rank);
        var regression = new RowRegression(at, p);
        int count = rows.Length / d;
        var sums = new (double Svd, double Regressed)[(count + Tile - 1) / Tile];
        FixedPartition.For(sums.Length, threads, cancellation, part =>
        {
            int first = part * Tile, height = Math.Min(Tile, count - first);
            ReadOnlySpan<float> a = rows.AsSpan(first * d, height * d);
            var residual = new float[height * d];
            at.ProjectionResidual(a, height, residual);
            double projected = PowerSums.AbsolutePower(residual, p);
            if (!regression.IsProjection)
                regression.Solve(a, height, new float[height * rank], cancellation, default, residual);
            sums[part] = (projected, PowerSums.AbsolutePower(residual, p));
        });
        return new RankPoint(rank, Math.Pow(sums.Sum(sum => sum.Svd) / norm, 1 / p), Math.Pow(sums.Sum(sum => sum.Regressed) / norm, 1 / p));
    }
}
