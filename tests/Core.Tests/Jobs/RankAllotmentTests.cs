using ClusterLp.Core.Jobs;
using CsCheck;

namespace ClusterLp.Core.Tests.Jobs;

/// <summary>The allotment of ranks beside the best of all allotments, tried one by one.</summary>
public sealed class RankAllotmentTests
{
    private static readonly Gen<double[]> Spectrum =
        Gen.Select(Gen.Double[0, 100].Array[3, 6], Gen.Double[-1, 0]).Select((values, rounding) => (double[])[.. values.OrderDescending(), rounding]);

    private static readonly Gen<(SharingMatrix[] Matrices, double Share)> OneShape =
        Gen.Select(Spectrum.Array[2, 4], Gen.Double[0, 1]).Select((spectra, share) =>
            (spectra.Select(values => new SharingMatrix(40, 7, values)).ToArray(), share));

    private static readonly Gen<(SharingMatrix[] Matrices, double Share)> ManyShapes =
        Gen.Select(Gen.Select(Spectrum, Gen.Long[9, 300]).Array[2, 4], Gen.Double[0, 1]).Select((matrices, share) =>
            (matrices.Select(matrix => new SharingMatrix(matrix.Item2, 7, matrix.Item1)).ToArray(), share));

    [Fact]
    public void Of_one_shape_and_many_the_sum_is_above_the_least_by_no_more_than_the_first_step_that_did_not_fit() =>
        Gen.OneOf(OneShape, ManyShapes).Sample(job =>
        {
            long budget = Budget(job.Matrices, job.Share), left = budget - Cost(job.Matrices, [.. job.Matrices.Select(_ => 1)]);
            int[] ranks = RankAllotment.Ranks(job.Matrices, budget);
            Assert.InRange(Cost(job.Matrices, ranks), 0, budget);
            double above = 0;
            foreach ((long cost, double gain) in Hull(job.Matrices))
            {
                left -= cost;
                above = left < 0 ? gain : 0;
                if (left < 0)
                    break;
            }
            double least = Least(job.Matrices, budget);
            Assert.InRange(Sum(job.Matrices, ranks), least - 1e-12, least + above + 1e-12);
        }, iter: 500);

    [Fact]
    public void What_fits_exactly_is_the_least_for_any_shapes() => ManyShapes.Sample(job =>
    {
        (long Cost, double Gain)[] steps = [.. Hull(job.Matrices)];
        long budget = Cost(job.Matrices, [.. job.Matrices.Select(_ => 1)]) + steps.Take((int)(job.Share * steps.Length)).Sum(step => step.Cost);
        Assert.Equal(Least(job.Matrices, budget), Sum(job.Matrices, RankAllotment.Ranks(job.Matrices, budget)), 1e-12);
    }, iter: 300);

    [Fact]
    public void A_matrix_of_even_spectrum_is_kept_whole_where_that_costs_little_more_than_its_factors()
    {
        double[] flat = [1, 1, 1, 1, 1, 1, 1], steep = [1000, 100, 10, 1, 0.1, 0.01, 0.001];
        // 7 x 7: rank 3 has 42 elements of 49 and leaves 4 / 7.
        Assert.Equal([RankAllotment.Whole, 2], RankAllotment.Ranks([new(7, 7, flat), new(70, 7, steep)], 49 + 2 * 77));
        Assert.Equal([3, 1], RankAllotment.Ranks([new(7, 7, flat), new(70, 7, steep)], 48 + 77));
        Assert.Equal([RankAllotment.Whole, RankAllotment.Whole], RankAllotment.Ranks([new(7, 7, flat), new(70, 7, steep)], 49 + 490));
    }

    [Fact]
    public void Ties_go_to_the_first_and_nothing_is_spent_on_what_has_no_gain()
    {
        double[] flat = [1, 1, 1, 1, 1, 1, 1], two = [9, 4, 0, 0, 0, 0, -1e-17];
        Assert.Equal([4, 1], RankAllotment.Ranks([new(70, 7, flat), new(70, 7, flat)], 5 * 77));
        Assert.Equal([2, 1], RankAllotment.Ranks([new(70, 7, two), new(70, 7, new double[7])], 1000));
        Assert.Equal([1, 1], RankAllotment.Ranks([new(70, 7, new double[7]), new(70, 7, new double[7])], 1000));
        Assert.Throws<ArgumentException>(() => RankAllotment.Ranks([new(70, 7, flat), new(70, 7, flat)], 153));
    }

    [Theory]
    [InlineData(1000, 0.9, 100)]
    [InlineData(38603520, 0.28, 27794534)]
    public void The_budget_is_what_the_compression_leaves(double elements, double compression, long budget) =>
        Assert.Equal(budget, RankAllotment.Budget(elements, compression));

    private static int Most(SharingMatrix matrix) => Math.Min(matrix.Eigenvalues.Length, RankRule.Largest(matrix.Rows, matrix.Columns));

    private static double Error(SharingMatrix matrix, int rank)
    {
        if (rank == RankAllotment.Whole)
            return 0;
        double norm = matrix.Eigenvalues.Where(value => value > 0).Sum();
        return norm == 0 ? 0 : matrix.Eigenvalues.Skip(rank).Where(value => value > 0).Sum() / norm;
    }

    private static double Sum(SharingMatrix[] matrices, int[] ranks) => matrices.Zip(ranks, Error).Sum();

    private static long Cost(SharingMatrix[] matrices, int[] ranks) => matrices.Zip(ranks, Cost).Sum();

    private static long Cost(SharingMatrix matrix, int rank) => rank == RankAllotment.Whole ? matrix.Rows * matrix.Columns : rank * (matrix.Rows + matrix.Columns);

    /// <summary>Edges of the matrices' lower convex hulls from rank 1 on, steepest first: each the tangent from where the last ended.</summary>
    private static IEnumerable<(long Cost, double Gain)> Hull(SharingMatrix[] matrices) => matrices.SelectMany(Edges).OrderByDescending(edge => edge.Gain / edge.Cost);

    private static IEnumerable<(long Cost, double Gain)> Edges(SharingMatrix matrix)
    {
        (long Cost, double Error)[] points = [.. Enumerable.Range(1, Most(matrix)).Append(RankAllotment.Whole).Select(rank => (Cost(matrix, rank), Error(matrix, rank)))];
        for (int at = 0; at < points.Length - 1;)
        {
            int to = Enumerable.Range(at + 1, points.Length - at - 1).MaxBy(i => (points[at].Error - points[i].Error) / (points[i].Cost - points[at].Cost));
            if (points[at].Error - points[to].Error > 0)
                yield return (points[to].Cost - points[at].Cost, points[at].Error - points[to].Error);
            at = to;
        }
    }

    private static long Budget(SharingMatrix[] matrices, double share)
    {
        long least = Cost(matrices, [.. matrices.Select(_ => 1)]);
        return least + (long)(share * matrices.Sum(matrix => matrix.Rows * matrix.Columns - matrix.Rows - matrix.Columns));
    }

    /// <summary>By trying all.</summary>
    private static double Least(SharingMatrix[] matrices, long budget)
    {
        double least = double.PositiveInfinity;
        Try(0, 0, 0);
        return least;

        void Try(int matrix, double sum, long cost)
        {
            if (cost > budget)
                return;
            if (matrix == matrices.Length)
            {
                least = Math.Min(least, sum);
                return;
            }
            for (int rank = RankAllotment.Whole; rank <= Most(matrices[matrix]); rank++)
                Try(matrix + 1, sum + Error(matrices[matrix], rank), cost + Cost(matrices[matrix], rank));
        }
    }
}
