using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.FactorModels.Subspaces;

/// <summary>
/// Projective clustering in memory: min over J subspaces of dimension k of sum_i c_i min_j dist(a_i, V_j)^p, by turns of assigning rows
/// to the nearest subspace and of refitting each to its rows by one IRLS step (<see cref="SubspaceIrls"/>). Neither raises the sum,
/// but for what the floor of the weights moves.
/// </summary>
internal static class SubspaceClustering
{
    /// <summary>Relative decrease below which a clustering is done, and the most rounds it may take.</summary>
    public const double Tolerance = 1e-3;

    public const int MostRounds = 30;

    /// <summary>What a start came to.</summary>
    /// <param name="Subspaces">The best seen.</param>
    /// <param name="Objective">Its sum.</param>
    /// <param name="Rounds">Refits done.</param>
    /// <param name="Floor">eps of the last weights.</param>
    public sealed record Outcome(SubspaceSet Subspaces, double Objective, int Rounds, double Floor);

    /// <summary>
    /// The best of several starts, the first of equally good ones. They run beside each other; the result does not depend on
    /// <paramref name="threads"/>.
    /// </summary>
    /// <param name="rows">count x d row-major float32.</param>
    /// <param name="d">Columns.</param>
    /// <param name="c">Row weights, count positive numbers.</param>
    /// <param name="subspaces">J, 1 to 255.</param>
    /// <param name="rank">k, from 1 to d.</param>
    /// <param name="p">In [1, 2].</param>
    /// <param name="restarts">Starts, 1 or more.</param>
    /// <param name="seed">The job's seed.</param>
    /// <param name="tensor">Index of the tensor in the job.</param>
    /// <param name="threads">Threads to use.</param>
    /// <param name="cancellation">Checked within every round.</param>
    public static Outcome Best(float[] rows, int d, double[] c, int subspaces, int rank, double p, int restarts, ulong seed, int tensor, int threads,
        CancellationToken cancellation)
    {
        var outcomes = new Outcome[restarts];
        FixedPartition.For(restarts, threads, cancellation, restart =>
        {
            byte[] ids = SubspaceSeeding.Ids(rows, d, c, subspaces, p, seed, tensor, restart);
            double[] equal = new double[c.Length];
            Array.Fill(equal, 1);
            // At first all rows of a cluster count alike: its SVD.
            SubspaceSet start = SubspaceGrams.Of(rows, d, ids, equal, c, subspaces, 1, p, cancellation).Refit(rank, 1, cancellation);
            outcomes[restart] = Fit(rows, c, start, p, null, cancellation);
        });
        return outcomes.MinBy(outcome => outcome.Objective)!;
    }

    /// <summary>Rounds from given subspaces, on the calling thread.</summary>
    /// <param name="rows">count x d row-major float32.</param>
    /// <param name="c">Row weights.</param>
    /// <param name="start">Where to start; gives J and k.</param>
    /// <param name="p">In [1, 2].</param>
    /// <param name="objective">Told the sum at the beginning of each round; may be null.</param>
    /// <param name="cancellation">Checked within every round.</param>
    public static Outcome Fit(float[] rows, double[] c, SubspaceSet start, double p, Action<double>? objective, CancellationToken cancellation)
    {
        int count = c.Length;
        var (ids, squares) = (new byte[count], new double[count]);
        (SubspaceSet now, SubspaceSet best, double last, double floor) = (start, start, double.PositiveInfinity, 0);
        for (int round = 0; ; round++)
        {
            now.Assign(rows, count, ids, squares, cancellation);
            double next = SubspaceIrls.ResidualFloor(Array.ConvertAll(squares, Math.Sqrt), c);
            SubspaceGrams grams = SubspaceGrams.Of(rows, now.D, ids, squares, c, now.Count, next, p, cancellation);
            objective?.Invoke(grams.Objective);
            if (grams.Objective < last)
                best = now;
            if (IsDone(last, grams.Objective, round))
                return new Outcome(best, Math.Min(last, grams.Objective), round, floor);
            (last, floor) = (grams.Objective, next);
            now = grams.Refit(now.Rank, 1, cancellation);
        }
    }

    /// <summary>Whether a round that began at <paramref name="objective"/>, the one before at <paramref name="last"/>, is the end.</summary>
    public static bool IsDone(double last, double objective, int rounds) => !(last - objective > Tolerance * objective) || rounds >= MostRounds;
}
