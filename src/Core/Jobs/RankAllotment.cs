namespace ClusterLp.Core.Jobs;

/// <summary>A matrix that shares a budget: n x d, with what its SVD says of every rank.</summary>
/// <param name="Rows">n.</param>
/// <param name="Columns">d.</param>
/// <param name="Eigenvalues">Of its Gram matrix, descending, in any unit; negative ones count as zero.</param>
public sealed record SharingMatrix(long Rows, int Columns, double[] Eigenvalues);

/// <summary>How several matrices share one budget of elements.</summary>
/// <remarks>
/// Minimises the sum over the matrices of ||A - A_k||_F^2 / ||A||_F^2, A_k the SVD of rank k, where factors of rank k have
/// k (n + d) elements, at least rank 1, and fewer than A; or A is kept whole, n d elements and no error. The next singular
/// direction lowers the sum by its share of the squared norm and costs n + d elements; keeping A whole lowers it by what is left. Steps are
/// taken in order of what they lower the sum by an element: along the lower convex hull of a matrix' errors, where gains
/// fall, so that no choice of the same or a smaller cost has a lower sum, until a step does not fit in what is left. What
/// fits is taken on from there, and the sum is above the least by less than what the first step that did not fit would have
/// lowered it by.
/// </remarks>
public static class RankAllotment
{
    /// <summary>The rank that stands for a matrix kept whole.</summary>
    public const int Whole = 0;

    /// <summary>The elements that may be left for compression <paramref name="compression"/> of the matrices together.</summary>
    /// <param name="elements">Elements of all matrices.</param>
    /// <param name="compression">In (0, 1).</param>
    public static long Budget(double elements, double compression)
    {
        // The slack of RankRule: 1 - 0.9 = 0.0999... would cost an element.
        const double slack = 1e-9;
        return (long)Math.Floor((1 - compression) * elements * (1 + slack));
    }

    /// <summary>The elements that take a matrix' place at a rank; its own at <see cref="Whole"/>.</summary>
    public static long Elements(long rows, long columns, int rank) => rank == Whole ? rows * columns : (rows + columns) * rank;

    /// <summary>The rank of every matrix, or <see cref="Whole"/>. O(sum of ranks log matrices); of equal gains the first matrix' is taken.</summary>
    /// <param name="matrices">In any order, which decides ties.</param>
    /// <param name="budget">Elements of all together; at least the sum of n + d.</param>
    public static int[] Ranks(IReadOnlyList<SharingMatrix> matrices, long budget)
    {
        Curve[] curves = [.. matrices.Select(matrix => new Curve(matrix))];
        long left = budget - curves.Sum(curve => curve.StepCost);
        if (left < 0)
            throw new ArgumentException($"rank 1 for each of {matrices.Count} matrices takes {budget - left} elements, and the budget is {budget}", nameof(budget));
        var next = new PriorityQueue<int, (double Loss, int Matrix)>();
        for (int i = 0; i < curves.Length; i++)
            Offer(i);
        while (next.TryDequeue(out int i, out _))
        {
            Curve curve = curves[i];
            long cost = curve.Wholly ? curve.WholeCost : curve.StepCost;
            if (cost <= left)
            {
                left -= cost;
                curve.Rank = curve.Wholly ? Whole : curve.Rank + 1;
            }
            else if (!curve.Wholly)
                continue;
            else
                // It never will: a rank more takes as much of the rest as it takes off this cost.
                curve.MayBeWhole = false;
            if (curve.Rank != Whole)
                Offer(i);
        }
        return [.. curves.Select(curve => curve.Rank)];

        void Offer(int i)
        {
            if (curves[i].Choose() is var gain and > 0)
                next.Enqueue(i, (-gain, i));
        }
    }

    /// <summary>A matrix' errors by rank, and how far it has come.</summary>
    private sealed class Curve
    {
        private readonly double[] _tails;
        private readonly long _elements;

        public Curve(SharingMatrix matrix)
        {
            StepCost = matrix.Rows + matrix.Columns;
            _elements = checked(matrix.Rows * matrix.Columns);
            int most = (int)Math.Min(matrix.Eigenvalues.Length, RankRule.Largest(matrix.Rows, matrix.Columns));
            double sum = 0;
            var tails = new double[matrix.Eigenvalues.Length + 1];
            for (int k = matrix.Eigenvalues.Length - 1; k >= 0; k--)
                tails[k] = sum += Math.Max(matrix.Eigenvalues[k], 0);
            _tails = [.. tails.Take(most + 1).Select(tail => sum > 0 ? tail / sum : 0)];
        }

        public int Rank { get; set; } = 1;
        public bool MayBeWhole { get; set; } = true;
        public long StepCost { get; }
        public long WholeCost => _elements - Rank * StepCost;

        /// <summary>Whether the next step keeps the matrix whole.</summary>
        public bool Wholly { get; private set; }

        /// <summary>Chooses the next step: what it lowers the error by, an element; 0 where there is none.</summary>
        public double Choose()
        {
            double step = Rank + 1 < _tails.Length ? (_tails[Rank] - _tails[Rank + 1]) / StepCost : 0, whole = MayBeWhole ? _tails[Rank] / WholeCost : 0;
            Wholly = whole >= step;
            return Math.Max(step, whole);
        }
    }
}
