using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.Jobs.Steps;

/// <summary>Where V is fitted from: SVD's V, or a coreset's where a few rows hold most of the norm.</summary>
public sealed class AutoFitTests
{
    private const int N = 2000, D = 24, K = 10;
    private static readonly float[] Even = TestMatrix.LowRankPlusNoise(N, D, 12, 8, 5);
    // One row in 50 is a hundredfold: they carry nearly all of the norm.
    private static readonly float[] Uneven = [.. Even.Select((x, at) => at / D % 50 == 0 ? 100 * x : x)];

    [Theory]
    [InlineData(1.0)]
    [InlineData(1.5)]
    public void Rows_of_like_norms_need_no_coreset(double p)
    {
        Fitted found = Run(Even, Fit.Auto, p);
        Assert.Equal((0, 0), (found.State.CoresetRows, found.State.LewisRounds));
        Assert.InRange(found.State.RefineRounds, 1, 30);
        // It stops sooner than the exact fit, no farther from it than a few times its tolerance.
        Assert.Equal(1, found.State.Ours!.Lp / Run(Even, Fit.Exact, p).State.Ours!.Lp, 5e-3);
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(1.5)]
    public void Where_a_few_rows_hold_most_of_the_norm_the_fit_is_the_coresets(double p)
    {
        Fitted found = Run(Uneven, Fit.Auto, p), sampled = Run(Uneven, Fit.Coreset, p);
        Assert.True(found.State.CoresetRows > 0);
        Assert.Equal(sampled.V, found.V);
        Assert.Equal(sampled.U, found.U);
    }

    [Fact]
    public void Rows_that_do_not_count_make_a_matrix_no_less_even()
    {
        using var folder = new Formats.TemporaryFolder();
        string weights = folder.Write("w.txt", System.Text.Encoding.ASCII.GetBytes(string.Join('\n', Enumerable.Range(0, N).Select(i => i % 50 == 0 ? "1e-9" : "1"))));
        Assert.Equal(0, Pipeline.Run(Pipeline.Plan(Uneven, D, K, fit: Fit.Auto) with { RowWeights = weights }, Uneven).State.CoresetRows);
    }

    [Fact]
    public void Few_rows_for_their_columns_are_never_sampled() =>
        Assert.Equal(0, Run(Uneven[..(19 * D * D)], Fit.Auto, 1).State.CoresetRows);

    [Fact]
    public void Sparse_embeddings_are_there_to_score_the_rows_of_a_coreset() =>
        Assert.True(Pipeline.Run(Pipeline.Plan(Even, D, K, fit: Fit.Auto) with { Embedding = Embedding.Sparse }, Even).State.CoresetRows > 0);

    [Fact]
    public void The_share_that_carries_the_norm_is_one_for_like_rows_and_the_share_of_those_that_are_not_zero()
    {
        float[] ones = [.. Enumerable.Repeat(1f, 100 * 3)], tenth = [.. ones.Select((x, at) => at / 3 % 10 == 0 ? x : 0)];
        Assert.Equal(1, Sample(ones, 1).CarryingShare(), 1e-12);
        Assert.Equal(0.1, Sample(tenth, 1).CarryingShare(), 1e-12);
        Assert.Equal(1, Sample(new float[300], 1).CarryingShare());
        // Of the rows that are not zero each counts nine times, so that they are as many as the others.
        Assert.Equal(0.5, Sample(tenth, 9).CarryingShare(), 1e-12);

        static RowSample Sample(float[] rows, double weight) =>
            new(rows, [.. Enumerable.Range(0, rows.Length / 3).Select(i => i % 10 == 0 ? weight : 1)], 3, rows.Length / 3);
    }

    private static Fitted Run(float[] matrix, Fit fit, double p) => Pipeline.Run(Pipeline.Plan(matrix, D, K, p, fit: fit), matrix);
}
