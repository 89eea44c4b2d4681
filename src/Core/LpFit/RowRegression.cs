using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.LpFit;

/// <summary>
/// U by row-wise l_p regression: min_u ||a - u V||_p for every row by itself (DESIGN 2.4). Immutable; thread-safe.
/// </summary>
/// <remarks>
/// In residuals: min ||r||_p subject to Vc r = Vc a. ADMM between the proximal map S = prox(R + l Y) with step l and the
/// projection of S onto that plane, F = S + D, with D = Vc^T Vc (A - S) (or, where k is the smaller side,
/// R0 + (S V^T) V - S); over-relaxed, R += a (F - R), Y += a D / l. F is feasible at every step, so the best F seen is a
/// solution, the projection residual R0 being the first. Y, which stays in Vc's row space, certifies it:
/// ||r||_p >= (Y, r) / ||Y||_q for every feasible r, 1/p + 1/q = 1. At p = 1 the average of the Ys, later ones weighing
/// more, certifies much more than the last (docs/regression.md).
/// Rows are decided one by one, from their own values alone: neither tiles nor neighbours change a row's bits.
/// </remarks>
public sealed class RowRegression
{
    /// <summary>Rows iterated together.</summary>
    public const int TileRows = 64;

    private const int FirstCheck = 3, CheckEvery = 5;

    [ThreadStatic] private static float[]? _explained;

    private readonly OrthonormalBasis _basis;
    private readonly RegressionOptions _options;
    private readonly double _p;

    /// <param name="basis">V and its complement; its rank is k.</param>
    /// <param name="p">In [1, 2].</param>
    /// <param name="options">Null: <see cref="RegressionOptions.For"/> this p.</param>
    public RowRegression(OrthonormalBasis basis, double p, RegressionOptions? options = null)
    {
        if (!(p >= 1 && p <= 2))
            throw new ArgumentOutOfRangeException(nameof(p), p, "p must lie in [1, 2]");
        (_basis, _p, _options) = (basis, p, options ?? RegressionOptions.For(p));
    }

    /// <summary>Whether U is the projection: at p = 2, where that is the optimum, and at k = d, where nothing is left.</summary>
    public bool IsProjection => _p == 2 || _basis.CoRank == 0;

    /// <summary>
    /// Solves <paramref name="count"/> rows (count x d row-major float32) into <paramref name="u"/> (count x k).
    /// No row is worse in l_p than its projection. O(iterations count d min(k, d - k)).
    /// </summary>
    /// <param name="rows">A, count x d.</param>
    /// <param name="count">Rows, 0 or more.</param>
    /// <param name="u">Receives U, count x k.</param>
    /// <param name="cancellation">Checked between tiles and every few iterations.</param>
    /// <param name="weights">c, what a row counts in the outcome's sums (count); empty: 1.</param>
    /// <param name="residuals">
    /// Receives A - U V (count x d), up to float32 rounding of A; empty: not wanted. Untouched where
    /// <see cref="IsProjection"/>.
    /// </param>
    public RegressionOutcome Solve(ReadOnlySpan<float> rows, int count, Span<float> u, CancellationToken cancellation,
        ReadOnlySpan<double> weights = default, Span<float> residuals = default)
    {
        int d = _basis.D, k = _basis.Rank;
        RegressionTile? tile = IsProjection ? null : new RegressionTile(_basis, _p, _options);
        Span<float> explained = tile is null ? default : KeptArray.AtLeast(ref _explained, TileRows * d).Span;
        for (int first = 0; first < count; first += TileRows)
        {
            cancellation.ThrowIfCancellationRequested();
            int height = Math.Min(TileRows, count - first);
            ReadOnlySpan<float> a = rows.Slice(first * d, height * d);
            Span<float> target = u.Slice(first * k, height * k);
            if (tile is null)
            {
                Gemm.Multiply(a, d, height, _basis.VTransposed, target, k);
                continue;
            }
            tile.Load(a, height, weights.IsEmpty ? default : weights.Slice(first, height));
            for (int t = 1; tile.Active > 0; t++)
            {
                tile.Iterate(t);
                if (t % CheckEvery != 0 && t != FirstCheck)
                    continue;
                cancellation.ThrowIfCancellationRequested();
                tile.Check(t);
            }
            for (int i = 0; i < height; i++)
            {
                ReadOnlySpan<float> residual = tile.Best.AsSpan(i * tile.Stride, d);
                Difference.Of(a.Slice(i * d, d), residual, explained.Slice(i * d, d));
                if (!residuals.IsEmpty)
                    residual.CopyTo(residuals[((first + i) * d)..]);
            }
            Gemm.Multiply(explained, d, height, _basis.VTransposed, target, k);
        }
        return tile?.Outcome ?? default;
    }
}
