namespace ClusterLp.Core.Jobs;

/// <summary>A matrix that shares a budget: n x d, with what its SVD says of every rank.</summary>
/// <param name="Rows">n.</param>
/// <param name="Columns">d.</param>
/// <param name="Eigenvalues">Of its Gram matrix, descending, in any unit; negative ones count as zero.</param>
public sealed record SharingMatrix(long Rows, int Columns, double[] Eigenvalues);

/// <summary>How several matrices share one budget of factor elements.</summary>
/// <remarks>
/// Minimises the sum over the matrices of ||A - A_k||_F^2 / ||A||_F^2, A_k the SVD of rank k, where the factors of all have
/// k (n + d) elements within the budget, and each matrix has rank 1 at least and shrinks. The next singular direction of a
/// matrix lowers the sum by its share of the squared norm and costs n + d elements; directions are taken in order of what
/// they lower it by an element. A matrix' gains fall with the rank (its error is convex in k), so that no ranks of the same
/// or a smaller cost have a lower sum, until a direction does not fit in what is left: that ends its matrix, and cheaper ones
/// go on. The sum is then above the least by less than what that direction would have lowered it by; where all matrices have
/// one shape it is the least.
/// </remarks>
public static class RankAllotment
{
    /// <summary>The elements that factors may have for compression <paramref name="compression"/> of the matrices together.</summary>
    /// <param name="elements">Elements of all matrices.</param>
    /// <param name="compression">In (0, 1).</param>
    public static long Budget(double elements, double compression)
    {
        // The slack of RankRule: 1 - 0.9 = 0.0999... would cost an element.
        const double slack = 1e-9;
        return (long)Math.Floor((1 - compression) * elements * (1 + slack));
    }

    /// <summary>The rank of every matrix. O(sum of ranks log matrices); of equal gains the first matrix' is taken.</summary>
    /// <param name="matrices">In any order, which decides ties.</param>
    /// <param name="budget">Elements of all factors together; at least the sum of n + d.</param>
    public static int[] Ranks(IReadOnlyList<SharingMatrix> matrices, long budget)
    {
        var ranks = new int[matrices.Count];
        double[] norms = [.. matrices.Select(matrix => matrix.Eigenvalues.Sum(value => Math.Max(value, 0)))];
        long left = budget - matrices.Sum(matrix => Cost(matrix));
        if (left < 0)
            throw new ArgumentException($"rank 1 for each of {matrices.Count} matrices takes {budget - left} elements, and the budget is {budget}", nameof(budget));
        var next = new PriorityQueue<int, (double Loss, int Matrix)>();
        for (int i = 0; i < ranks.Length; i++)
        {
            ranks[i] = 1;
            Offer(i);
        }
        while (next.TryDequeue(out int i, out _))
        {
            if (Cost(matrices[i]) > left)
                continue;
            left -= Cost(matrices[i]);
            ranks[i]++;
            Offer(i);
        }
        return ranks;

        void Offer(int i)
        {
            SharingMatrix matrix = matrices[i];
            int most = (int)Math.Min(matrix.Eigenvalues.Length, RankRule.Largest(matrix.Rows, matrix.Columns));
            if (ranks[i] < most && matrix.Eigenvalues[ranks[i]] > 0)
                next.Enqueue(i, (-(matrix.Eigenvalues[ranks[i]] / norms[i]) / Cost(matrix), i));
        }
    }

    private static long Cost(SharingMatrix matrix) => matrix.Rows + matrix.Columns;
}
