using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.LpFit;

/// <summary>
/// The joint fit of U and V (DESIGN 2.5), as far as rows go: min sum_i c_i ||a_i - u_i V||_p^p by alternating direction,
/// V following as the top eigenvectors of sum_i (c_i / step_i) z_i z_i^T. What a block of rows remembers is Z, count x d
/// float32, and the rows' steps: a function of A and the list of bases so far, to the last bit.
/// </summary>
public static class JointFit
{
    /// <summary>The fit is done when the best objective fell by less than this share within the window.</summary>
    public const double Tolerance = 1e-3;

    /// <summary>Below it V must follow every iteration: at p = 1 two with the same V ended 0.5 % higher.</summary>
    private const double SmoothFrom = 1.25;

    /// <summary>Iterations with the same V. Half as many Gram matrices are a third of the time, and at p = 1.5 not a ten-thousandth of the error.</summary>
    public static int IterationsPerRound(double p) => p < SmoothFrom ? 1 : 2;

    /// <summary>Rounds before the fit may stop, the window it looks back on, and the most it takes.</summary>
    public static (int Least, int Window, int Most) Rounds(double p) => p < SmoothFrom ? (40, 20, 80) : (30, 10, 60);

    /// <summary>
    /// The step as a multiple of (mean |r|)^(2-p). More makes V swing and ends in a worse minimum (1.4 at p = 1: by 0.7 %; 1 at
    /// p = 1.5: by 0.6 %), less slows it down.
    /// </summary>
    public static double StepFactor(double p) => Math.Max(0.4, 1.2 - 0.9 * (p - 1));

    /// <summary>A row's step is that of a mean residual of at least this share of the median row's.</summary>
    private const double LeastResidual = 1e-2;

    /// <summary>Values a block of rows remembers.</summary>
    public static int StateLength(int count, int d) => checked(count * (d + 1));

    /// <summary>Over-relaxed; below <see cref="SmoothFrom"/> at first alone, where it gains most: later it makes V swing.</summary>
    public static double Relaxation(double p, int round) => p >= SmoothFrom || round < 30 ? 1.6 : 1;

    /// <summary>Z = A V^T V, and the rows' steps. O(count d min(k, d - k)).</summary>
    /// <param name="rows">A, count x d.</param>
    /// <param name="count">Rows.</param>
    /// <param name="start">The first basis.</param>
    /// <param name="p">In [1, 2).</param>
    /// <param name="residualFloor">1e-3 of the median row's residual norm.</param>
    /// <param name="state">Receives them.</param>
    /// <param name="cancellation">Checked between tiles.</param>
    public static void Begin(ReadOnlySpan<float> rows, int count, OrthonormalBasis start, double p, double residualFloor, Span<float> state,
        CancellationToken cancellation)
    {
        int d = start.D;
        double least = LeastResidual * 1e3 * residualFloor / Math.Sqrt(d);
        var residual = new float[JointTile.Rows * d];
        for (int first = 0; first < count; first += JointTile.Rows)
        {
            cancellation.ThrowIfCancellationRequested();
            int height = Math.Min(JointTile.Rows, count - first);
            ReadOnlySpan<float> a = rows.Slice(first * d, height * d);
            start.ProjectionResidual(a, height, residual);
            for (int i = 0; i < height * d; i++)
                state[first * d + i] = a[i] - residual[i];
            for (int i = 0; i < height; i++)
                state[count * d + first + i] =
                    (float)(StepFactor(p) * Math.Pow(Math.Max(least, PowerSums.AbsolutePower(residual.AsSpan(i * d, d), 1) / d), 2 - p));
        }
    }

    /// <summary>One round of a block. O(count d min(k, d - k)).</summary>
    /// <param name="rows">A, count x d.</param>
    /// <param name="count">Rows.</param>
    /// <param name="basis">The round's.</param>
    /// <param name="p">In [1, 2).</param>
    /// <param name="round">0-based.</param>
    /// <param name="rowWeights">c_i.</param>
    /// <param name="state">Z and steps; Z is replaced.</param>
    /// <param name="cancellation">Checked between tiles.</param>
    /// <returns>sum_i c_i ||r_i||_p^p of the basis and the U in hand.</returns>
    public static double Advance(ReadOnlySpan<float> rows, int count, OrthonormalBasis basis, double p, int round, ReadOnlySpan<double> rowWeights,
        Span<float> state, CancellationToken cancellation)
    {
        int d = basis.D;
        var tile = new JointTile(basis, p);
        var powers = new double[JointTile.Rows];
        double objective = 0;
        for (int first = 0; first < count; first += JointTile.Rows)
        {
            cancellation.ThrowIfCancellationRequested();
            int height = Math.Min(JointTile.Rows, count - first);
            for (int iteration = 0; iteration < IterationsPerRound(p); iteration++)
                tile.Advance(rows.Slice(first * d, height * d), state.Slice(first * d, height * d), state.Slice(count * d + first, height),
                    Relaxation(p, round), iteration == 0 ? powers : default);
            for (int i = 0; i < height; i++)
                objective += rowWeights[first + i] * powers[i];
        }
        return objective;
    }
}
