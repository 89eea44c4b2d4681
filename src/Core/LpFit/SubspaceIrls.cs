using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.LpFit;

/// <summary>
/// V of the weighted l_2,p subspace fit, min sum_i c_i ||a_i - a_i V^T V||_2^p, by iteratively reweighted least squares
/// (DESIGN 2.3). Each round majorises the objective, so it falls until the rows' rounding.
/// </summary>
public static class SubspaceIrls
{
    /// <summary>Relative decrease below which a fit is done, and the most rounds it may take.</summary>
    public const double Tolerance = 1e-4;

    public const int MostRounds = 30;

    /// <summary>
    /// eps of the weights, from a sample of residual norms: 1e-3 of their median, a row of weight c counting c times.
    /// </summary>
    public static double ResidualFloor(double[] residuals, double[] rowWeights)
    {
        if (residuals.Length == 0)
            return 1e-30;
        (double[] sorted, double[] weights) = ((double[])residuals.Clone(), (double[])rowWeights.Clone());
        Array.Sort(sorted, weights);
        double half = weights.Sum() / 2, below = weights[0];
        int at = 0;
        while (below < half && at < sorted.Length - 1)
            below += weights[++at];
        // Where half the weight lies on either side, the middle between the two.
        double median = below == half && at < sorted.Length - 1 ? (sorted[at] + sorted[at + 1]) / 2 : sorted[at];
        return 1e-3 * median + 1e-30;
    }

    /// <summary>The weight of a row: c max(r^2, eps^2)^((p-2)/2), r^2 its squared residual.</summary>
    public static double Weight(double rowWeight, double squaredResidual, double floor, double p) =>
        rowWeight * Math.Pow(Math.Max(squaredResidual, floor * floor), (p - 2) / 2);

    /// <summary>Fits in memory.</summary>
    /// <param name="rows">count x d row-major float32.</param>
    /// <param name="count">Rows, 1 or more.</param>
    /// <param name="rowWeights">c_i, count positive numbers.</param>
    /// <param name="start">The basis to start from; its rank is k.</param>
    /// <param name="p">In [1, 2].</param>
    /// <param name="threads">Threads to use; the result does not depend on it.</param>
    /// <param name="cancellation">Checked within every round.</param>
    /// <returns>The best basis seen, the rounds taken, and eps of the last weights.</returns>
    public static (OrthonormalBasis Basis, int Rounds, double Floor) Fit(float[] rows, int count, double[] rowWeights,
        OrthonormalBasis start, double p, int threads, CancellationToken cancellation)
    {
        int d = start.D;
        var squares = new double[count];
        var weights = new double[count];
        // At most eight partial Grams, whatever the threads.
        int chunk = Math.Max(256, (count + 7) / 8), chunks = (count + chunk - 1) / chunk;
        var partial = new double[chunks][];
        OrthonormalBasis basis = start, best = start;
        double last = double.PositiveInfinity, floor = 0;
        for (int round = 1; ; round++)
        {
            FixedPartition.For(chunks, threads, cancellation, c =>
            {
                (int first, int height) = (c * chunk, Math.Min(chunk, count - c * chunk));
                basis.SquaredResiduals(rows.AsSpan(first * d, height * d), height, squares.AsSpan(first, height), cancellation);
            });
            double objective = 0;
            for (int i = 0; i < count; i++)
                objective += rowWeights[i] * Math.Pow(squares[i], p / 2);
            if (objective < last)
                best = basis;
            if (!(last - objective > Tolerance * objective) || round > MostRounds)
                return (best, round - 1, floor);
            last = objective;
            floor = ResidualFloor(Array.ConvertAll(squares, Math.Sqrt), rowWeights);
            for (int i = 0; i < count; i++)
                weights[i] = Weight(rowWeights[i], squares[i], floor, p);
            FixedPartition.For(chunks, threads, cancellation, c =>
            {
                (int first, int height) = (c * chunk, Math.Min(chunk, count - c * chunk));
                Array.Clear(partial[c] ??= new double[d * d]);
                Gram.AccumulateUpper(rows.AsSpan(first * d, height * d), height, d, weights.AsSpan(first, height), partial[c]);
            });
            var gram = new double[d * d];
            foreach (double[] part in partial)
                PackedTriangle.AddTo(gram, part);
            Gram.MirrorUpper(gram, d);
            basis = new OrthonormalBasis(OrthonormalBasis.Eigenvectors(gram, d).Rows, d, start.Rank);
        }
    }
}
