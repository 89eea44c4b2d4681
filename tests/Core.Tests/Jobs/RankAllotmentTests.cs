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
        Gen.Select(Gen.Select(Spectrum, Gen.Long[7, 300]).Array[2, 4], Gen.Double[0, 1]).Select((matrices, share) =>
            (matrices.Select(matrix => new SharingMatrix(matrix.Item2, 7, matrix.Item1)).ToArray(), share));

    [Fact]
    public void Of_one_shape_no_other_ranks_within_the_budget_have_a_lower_sum() => OneShape.Sample(job =>
    {
        long budget = Budget(job.Matrices, job.Share);
        int[] ranks = RankAllotment.Ranks(job.Matrices, budget);
        Assert.InRange(Cost(job.Matrices, ranks), 0, budget);
        Assert.Equal(Least(job.Matrices, budget), Sum(job.Matrices, ranks), 1e-12);
    }, iter: 300);

    [Fact]
    public void Of_many_shapes_the_sum_is_above_the_least_by_no_more_than_one_direction_that_did_not_fit() => ManyShapes.Sample(job =>
    {
        long budget = Budget(job.Matrices, job.Share);
        int[] ranks = RankAllotment.Ranks(job.Matrices, budget);
        Assert.InRange(Cost(job.Matrices, ranks), 0, budget);
        double next = job.Matrices.Select((matrix, i) => ranks[i] < Most(matrix) ? Error(matrix, ranks[i]) - Error(matrix, ranks[i] + 1) : 0).Max();
        Assert.InRange(Sum(job.Matrices, ranks), Least(job.Matrices, budget) - 1e-12, Least(job.Matrices, budget) + next + 1e-12);
    }, iter: 300);

    [Fact]
    public void What_fits_exactly_is_the_least_for_any_shapes() => ManyShapes.Sample(job =>
    {
        // A budget at which directions in order of gain by element leave nothing over.
        (int Matrix, double Gain)[] order = [.. job.Matrices.SelectMany((matrix, i) => Enumerable.Range(1, Most(matrix) - 1)
                .Select(k => (i, (Error(matrix, k) - Error(matrix, k + 1)) / (matrix.Rows + matrix.Columns))))
            .Where(step => step.Item2 > 1e-9).OrderByDescending(step => step.Item2)];
        int taken = (int)(job.Share * order.Length);
        long budget = Cost(job.Matrices, [.. job.Matrices.Select(_ => 1)])
            + order.Take(taken).Sum(step => job.Matrices[step.Matrix].Rows + job.Matrices[step.Matrix].Columns);
        int[] ranks = RankAllotment.Ranks(job.Matrices, budget);
        Assert.Equal(Least(job.Matrices, budget), Sum(job.Matrices, ranks), 1e-12);
    }, iter: 200);

    [Fact]
    public void Ties_go_to_the_first_and_nothing_is_spent_on_what_has_no_gain()
    {
        double[] flat = [1, 1, 1, 1, 1, 1, 1], two = [9, 4, 0, 0, 0, 0, -1e-17];
        Assert.Equal([4, 1], RankAllotment.Ranks([new(70, 7, flat), new(70, 7, flat)], 5 * 77));
        Assert.Equal([2, 6], RankAllotment.Ranks([new(70, 7, two), new(70, 7, flat)], 1000));
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
        double norm = matrix.Eigenvalues.Where(value => value > 0).Sum();
        return norm == 0 ? 0 : matrix.Eigenvalues.Skip(rank).Where(value => value > 0).Sum() / norm;
    }

    private static double Sum(SharingMatrix[] matrices, int[] ranks) => matrices.Zip(ranks, Error).Sum();

    private static long Cost(SharingMatrix[] matrices, int[] ranks) => matrices.Zip(ranks, (matrix, rank) => rank * (matrix.Rows + matrix.Columns)).Sum();

    private static long Budget(SharingMatrix[] matrices, double share)
    {
        long least = Cost(matrices, [.. matrices.Select(_ => 1)]);
        return least + (long)(share * matrices.Sum(matrix => (Most(matrix) - 1) * (matrix.Rows + matrix.Columns)));
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
            for (int rank = 1; rank <= Most(matrices[matrix]); rank++)
                Try(matrix + 1, sum + Error(matrices[matrix], rank), cost + rank * (matrices[matrix].Rows + matrices[matrix].Columns));
        }
    }
}
