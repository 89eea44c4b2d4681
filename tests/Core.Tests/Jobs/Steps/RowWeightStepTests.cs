using ClusterLp.Core.Jobs;
using ClusterLp.Core.Tests.Formats;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.Jobs.Steps;

/// <summary>A row of weight c counts like c copies of it, in every stage; and only the weights' ratios count.</summary>
public sealed class RowWeightStepTests : IDisposable
{
    private const int N = 480, D = 24;
    // Heavy rows lie in another subspace than light ones, so that a stage that ignores the weights is far off.
    private static readonly float[] Light = TestMatrix.LowRankPlusNoise(N, D, 12, 8, 5), Heavy = TestMatrix.LowRankPlusNoise(N, D, 12, 8, 6);
    private static readonly float[] A = [.. Light.Select((x, i) => Weight(i / D) == 1 ? x : Heavy[i])];
    private static readonly float[] Copies = [.. Enumerable.Range(0, N).SelectMany(i => Enumerable.Repeat(A[(i * D)..((i + 1) * D)], Weight(i)).SelectMany(row => row))];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static int Weight(int row) => row % 4 == 0 ? 5 : 1;

    private string Weights(double factor)
    {
        string path = _folder["weights-" + factor];
        File.WriteAllLines(path, Enumerable.Range(0, N).Select(i => (factor * Weight(i)).ToString("R", System.Globalization.CultureInfo.InvariantCulture)));
        return path;
    }

    [Theory]
    [InlineData(Method.Svd, 1.5)]
    [InlineData(Method.Lewis, 1.0)]
    [InlineData(Method.Lewis, 1.5)]
    [InlineData(Method.Lp, 1.0)]
    [InlineData(Method.Lp, 1.5)]
    public void Weights_give_the_fit_of_repeated_rows(Method method, double p)
    {
        Fitted weighted = Pipeline.Run(Pipeline.Plan(A, D, 10, p, method) with { RowWeights = Weights(1) }, A);
        Fitted copied = Pipeline.Run(Pipeline.Plan(Copies, D, 10, p, method), Copies);
        Assert.InRange(Distance(weighted.V, copied.V), 0, 1e-3);
        Assert.Equal(1, weighted.State.Ours!.WeightedLp / copied.State.Ours!.Lp, 1e-4);
        Assert.Equal(1, weighted.State.Svd!.WeightedLp / copied.State.Svd!.Lp, 1e-4);
        Assert.Equal(1, weighted.State.Norms!.WeightedLp / copied.State.Norms!.Lp, 1e-9);
        // And not that of rows that count alike.
        Assert.True(Distance(weighted.V, Pipeline.Run(Pipeline.Plan(A, D, 10, p, method), A).V) > 0.05);
    }

    [Fact]
    public void A_coreset_fit_with_weights_is_as_good_as_one_of_repeated_rows()
    {
        FitState weighted = Pipeline.Run(Pipeline.Plan(A, D, 10, 1.5, fit: Fit.Coreset) with { RowWeights = Weights(1) }, A).State;
        FitState copied = Pipeline.Run(Pipeline.Plan(Copies, D, 10, 1.5, fit: Fit.Coreset), Copies).State;
        Assert.True(weighted.CoresetRows > 0 && copied.CoresetRows > 0);
        Assert.InRange(weighted.Ours!.WeightedLp / copied.Ours!.Lp, 0.99, 1.01);
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(1.5)]
    public void A_joint_fit_with_weights_is_as_good_as_one_of_repeated_rows(double p)
    {
        FitState weighted = Pipeline.Run(Pipeline.Plan(A, D, 10, p, fit: Fit.Joint) with { RowWeights = Weights(1) }, A).State;
        FitState copied = Pipeline.Run(Pipeline.Plan(Copies, D, 10, p, fit: Fit.Joint), Copies).State;
        FitState alike = Pipeline.Run(Pipeline.Plan(A, D, 10, p, fit: Fit.Joint), A).State;
        Assert.InRange(weighted.Ours!.WeightedLp / copied.Ours!.Lp, 0.99, 1.01);
        FitState exact = Pipeline.Run(Pipeline.Plan(A, D, 10, p) with { RowWeights = Weights(1) }, A).State;
        Assert.True(weighted.Ours.WeightedLp < exact.Ours!.WeightedLp);
        Assert.True(weighted.Ours.Lp > alike.Ours!.Lp, "the weights were ignored");
    }

    [Theory]
    [InlineData(1.5)]
    [InlineData(2.0)]
    public void A_target_error_is_that_of_repeated_rows(double p)
    {
        TensorPlan Plan(float[] a) => Pipeline.Plan(a, D, null, p) with { TargetError = 0.3 };
        RankSearch weighted = Pipeline.Run(Plan(A) with { RowWeights = Weights(1) }, A).State.Search!;
        RankSearch copied = Pipeline.Run(Plan(Copies), Copies).State.Search!;
        Assert.Equal(copied.Tries[^1].Rank, weighted.Tries[^1].Rank);
        Assert.Equal(copied.Tries[^1].Measured!.Value, weighted.Tries[^1].Measured!.Value, 1e-4);
        Assert.Equal(copied.Tries[0].Expected, weighted.Tries[0].Expected, 1e-4);
    }

    [Fact]
    public void Auto_p_is_that_of_repeated_rows()
    {
        double weighted = Pipeline.Run(Pipeline.Plan(A, D, 10) with { AutoP = true, RowWeights = Weights(1) }, A).State.Power!.P;
        Assert.Equal(Pipeline.Run(Pipeline.Plan(Copies, D, 10) with { AutoP = true }, Copies).State.Power!.P, weighted, 0.0101);
    }

    [Theory]
    [InlineData(Method.Svd, Fit.Exact)]
    [InlineData(Method.Lewis, Fit.Exact)]
    [InlineData(Method.Lp, Fit.Exact)]
    [InlineData(Method.Lp, Fit.Coreset)]
    public void Scaling_all_weights_changes_nothing(Method method, Fit fit)
    {
        Fitted Fit(double factor) => Pipeline.Run(Pipeline.Plan(A, D, 10, 1.5, method, fit) with { RowWeights = Weights(factor) }, A);
        (Fitted one, Fitted power, Fitted other) = (Fit(1), Fit(1 / 1024.0), Fit(300));
        Assert.Equal(one.State.CoresetRows, other.State.CoresetRows);
        Assert.InRange(Distance(one.V, power.V), 0, 1e-4);
        Assert.InRange(Distance(one.V, other.V), 0, 1e-4);
        Assert.Equal(1, other.State.Ours!.WeightedLp / one.State.Ours!.WeightedLp / 300, 1e-6);
        Assert.Equal(1, other.State.Ours.Lp / one.State.Ours.Lp, 1e-6);
    }

    /// <summary>Largest entry of the difference of the projections V^T V.</summary>
    private static double Distance(float[] v, float[] w)
    {
        double largest = 0;
        for (int i = 0; i < D; i++)
            for (int j = 0; j < D; j++)
            {
                double difference = 0;
                for (int t = 0; t < v.Length / D; t++)
                    difference += (double)v[t * D + i] * v[t * D + j] - (double)w[t * D + i] * w[t * D + j];
                largest = Math.Max(largest, Math.Abs(difference));
            }
        return largest;
    }
}
