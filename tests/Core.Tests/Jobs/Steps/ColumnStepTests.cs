using ClusterLp.Core.Jobs;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.Jobs.Steps;

/// <summary>U solved in a sample of the columns, in the pipeline.</summary>
public sealed class ColumnStepTests
{
    private const int N = 500, D = 48, K = 5;

    private static readonly float[] A = TestMatrix.LowRankPlusNoise(N, D, 12, 8, 5);

    private static TensorPlan Plan(int? columns, double p = 1.5) => Pipeline.Plan(A, D, K, p) with { ActiveColumns = columns };

    [Theory]
    [InlineData(1.0)]
    [InlineData(1.5)]
    public void Errors_lie_between_those_of_all_columns_and_the_projection(double p)
    {
        FitState all = Pipeline.Run(Plan(null, p), A).State, some = Pipeline.Run(Plan(30, p), A).State, few = Pipeline.Run(Plan(10, p), A).State;
        FitState projected = Pipeline.Run(Plan(null, p) with { Method = Method.Lewis }, A).State;
        Assert.Null(all.ColumnFit);
        Assert.InRange(some.Ours!.Lp, all.Ours!.Lp * 0.999, few.Ours!.Lp);
        Assert.True(some.Ours.Lp < projected.Ours!.Lp);
        // All rows are few enough to be compared: what was measured is the truth.
        foreach (FitState state in new[] { some, few })
        {
            ColumnFit fit = state.ColumnFit!;
            Assert.Equal(N, fit.Compared);
            Assert.Equal(1, fit.Ours / Math.Pow(state.Scale, p) / state.Ours!.Lp, 1e-3);
            Assert.Equal(1, fit.All / Math.Pow(state.Scale, p) / all.Ours.Lp, 1e-3);
            Assert.InRange(fit.Projected, 0, N);
        }
        Assert.True(few.ColumnFit!.Projected > some.ColumnFit!.Projected);
        Assert.Equal(0, some.Regression.LargestGap);
    }

    [Fact]
    public void As_many_columns_as_there_are_is_the_fit_without()
    {
        Fitted all = Pipeline.Run(Plan(null), A), same = Pipeline.Run(Plan(D), A);
        Assert.Equal(all.U, same.U);
        Assert.Null(same.State.ColumnFit);
        Assert.Equal(all.State.Regression, same.State.Regression);
    }

    [Fact]
    public void Neither_blocks_order_nor_their_cut_changes_a_row()
    {
        Fitted one = Pipeline.Run(Plan(20), A), backwards = Pipeline.Run(Plan(20), A, count => Enumerable.Range(0, count).Reverse(), threads: 3);
        Assert.Equal(one.U, backwards.U);
        Assert.Equal(one.V, backwards.V);
        Assert.NotEqual(one.U, Pipeline.Run(Plan(20) with { Seed = 1 }, A).U);
    }

    [Fact]
    public void Exact_rows_and_a_sample_of_columns_go_together()
    {
        FitState both = new FactorModels.MemoryBlobs().Run(Plan(30) with { ExactRows = 0.02 }, A), exact = new FactorModels.MemoryBlobs().Run(Plan(null) with { ExactRows = 0.02 }, A);
        Assert.Equal(N - 10, both.ColumnFit!.Compared);
        Assert.InRange(both.Ours!.Lp / exact.Ours!.Lp, 0.999, 1.2);
    }

    [Fact]
    public void A_rank_that_is_raised_is_sampled_anew()
    {
        FitState fit = Pipeline.Run(Pipeline.Plan(A, D, null) with { ActiveColumns = 40, TargetError = 0.2 }, A).State;
        Assert.InRange(fit.Search!.Tries[^1].Measured!.Value, 0, 0.2);
        Assert.Equal(N, fit.ColumnFit!.Compared);
    }

    [Fact]
    public void Fewer_columns_than_the_rank_are_refused()
    {
        ClusterLpException refused = Assert.Throws<ClusterLpException>(() => Pipeline.Run(Plan(K - 1), A));
        Assert.Equal(ExitCode.BadInput, refused.Code);
        Assert.Contains("4 columns do not determine factors of rank 5", refused.Message);
    }
}
