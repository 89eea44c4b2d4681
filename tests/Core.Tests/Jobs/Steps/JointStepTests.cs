using ClusterLp.Core.Jobs;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.Jobs.Steps;

public class JointStepTests
{
    private const int D = 24;
    private static readonly float[] A = TestMatrix.LowRankPlusNoise(600, D, 12, 8, 5);

    [Theory]
    [InlineData(1.0)]
    [InlineData(1.3)]
    [InlineData(1.5)]
    public void A_remembered_state_and_a_replayed_one_give_the_same_bytes(double p)
    {
        TensorPlan plan = Pipeline.Plan(A, D, 10, p, fit: Fit.Joint);
        using var states = new RowStates();
        Fitted remembered = Pipeline.Run(plan, A, states: states), replayed = Pipeline.Run(plan, A);
        // Every third block is remembered by nobody for a while.
        using var gaps = new RowStates();
        int asked = 0;
        Fitted mixed = Pipeline.Run(plan, A, states: gaps, remembers: () => asked++ % 3 != 0);
        Assert.Equal(remembered.V, replayed.V);
        Assert.Equal(remembered.U, replayed.U);
        Assert.Equal(remembered.V, mixed.V);
        Assert.Equal(remembered.U, mixed.U);
    }

    [Fact]
    public void States_are_not_confused_and_end_with_their_tensor()
    {
        TensorPlan one = Pipeline.Plan(A, D, 10, 1, fit: Fit.Joint), other = one with { Index = 1 };
        float[] state = [.. Enumerable.Range(0, 120 * (D + 1)).Select(i => (float)i)], read = new float[state.Length];
        using var states = new RowStates();
        Assert.False(states.TryRead(one, 2, 7, "k", read));
        states.Write(one, 2, 7, "k", state);
        states.Write(one, 2, 8, "l", new float[state.Length]);
        Assert.False(states.TryRead(one, 2, 7, "l", read));
        Assert.False(states.TryRead(one, 2, 8, "k", read));
        Assert.False(states.TryRead(one, 1, 7, "k", read));
        Assert.False(states.TryRead(other, 2, 7, "k", read));
        Assert.True(states.TryRead(one, 2, 7, "k", read));
        Assert.Equal(state, read);
        // Two rounds later its place is taken.
        states.Write(one, 2, 9, "m", new float[state.Length]);
        Assert.False(states.TryRead(one, 2, 7, "k", read));
        states.Forget(one);
        Assert.False(states.TryRead(one, 2, 9, "m", read));
    }

    [Fact]
    public void Without_a_place_for_states_nothing_is_remembered()
    {
        TensorPlan plan = Pipeline.Plan(A, D, 10, 1, fit: Fit.Joint);
        float[] state = new float[120 * (D + 1)];
        using var states = new RowStates(Path.Combine(Path.GetTempPath(), "no-such-folder", Guid.NewGuid().ToString("N")));
        states.Write(plan, 0, 1, "k", state);
        Assert.False(states.TryRead(plan, 0, 1, "k", state));
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(1.5)]
    public void It_ends_lower_than_the_exact_fit_and_says_what_it_came_from(double p)
    {
        FitState exact = Pipeline.Run(Pipeline.Plan(A, D, 10, p), A).State, joint = Pipeline.Run(Pipeline.Plan(A, D, 10, p, fit: Fit.Joint), A).State;
        Assert.True(joint.Ours!.Lp < exact.Ours!.Lp, $"{joint.Ours.Lp} after {exact.Ours.Lp}");
        (int least, _, int most) = JointFit.Rounds(p);
        Assert.InRange(joint.JointObjectives.Length, least, most);
        // The last candidate is among those the rounds measured, and the regression only improves on it.
        Assert.True(joint.Ours.Lp <= joint.JointObjectives.Min() / Math.Pow(joint.Scale, p) * 1.001);
        Assert.True(joint.JointObjectives.Min() < joint.JointObjectives[0]);
        Assert.Empty(joint.JointBases);
    }

    [Fact]
    public void A_matrix_of_low_rank_is_kept_exactly()
    {
        float[] low = TestMatrix.LowRankPlusNoise(600, D, 6, 0, 5);
        var exact = new float[low.Length];
        // Without the noise: columns 6 and on are sums of the first six.
        for (int i = 0; i < 600; i++)
            for (int j = 0; j < D; j++)
                exact[i * D + j] = j < 6 ? low[i * D + j] : low[i * D + j % 6] + low[i * D + j / 6];
        FitState state = Pipeline.Run(Pipeline.Plan(exact, D, 6, 1, fit: Fit.Joint), exact).State;
        Assert.True(state.Ours!.L1 < 1e-5 * state.Norms!.L1, $"{state.Ours.L1} of {state.Norms!.L1}");
    }
}
