using System.Text.Json;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.Jobs.Steps;

/// <summary>p chosen by the job, against shapes that tests/oracle/gennorm.py found with scipy (gennorm.json).</summary>
public class AutoPowerTests
{
    public sealed record Case(int Rows, int Columns, int Hidden, int Spike, ulong Seed, int Rank, double Clipped, double Tail);

    private static Case[] All()
    {
        using Stream stream = typeof(AutoPowerTests).Assembly.GetManifestResourceStream("gennorm.json")!;
        return JsonSerializer.Deserialize<Case[]>(stream, JsonSerializerOptions.Web)!;
    }

    public static TheoryData<Case> Cases() => [.. All()];

    [Theory, MemberData(nameof(Cases))]
    public void The_shape_and_the_tail_are_scipys(Case c)
    {
        PowerChoice chosen = Run(c, Method.Svd).State.Power!;
        // Two decimals, and scipy's own search.
        Assert.InRange(chosen.P, c.Clipped - 0.006, c.Clipped + 0.006);
        Assert.InRange(chosen.TailIndex!.Value / c.Tail, 0.999, 1.001);
        Assert.Equal((c.Rank, c.Rows), (chosen.Rank, chosen.SampleRows));
    }

    [Theory]
    [InlineData(Method.Lp), InlineData(Method.Lewis)]
    public void Every_later_stage_uses_the_chosen_p(Method method)
    {
        Case c = All().First(c => c.Clipped is > 1.1 and < 1.3);
        Fitted chosen = Run(c, method), named = Run(c, method, chosen.State.Power!.P);
        Assert.Equal(named.U, chosen.U);
        Assert.Equal(named.V, chosen.V);
        Assert.Equal(named.State.Ours, chosen.State.Ours);
        Assert.Equal(named.State.Norms, chosen.State.Norms);
        Assert.Null(named.State.Power);
    }

    [Fact]
    public void With_a_target_error_the_rank_is_for_the_chosen_p()
    {
        Case c = All()[0];
        float[] a = Matrix(c);
        TensorPlan plan = Pipeline.Plan(a, c.Columns, null) with { AutoP = true, TargetError = 0.3 };
        FitState fitted = Pipeline.Run(plan, a).State;
        FitState named = Pipeline.Run(plan with { AutoP = false, P = fitted.Power!.P }, a).State;
        Assert.Equal(named.Rank, fitted.Rank);
        Assert.Equal(named.Ours, fitted.Ours);
    }

    [Fact]
    public void A_matrix_of_zeros_has_p_two()
    {
        var a = new float[600 * 24];
        FitState fitted = Pipeline.Run(Pipeline.Plan(a, 24, 5) with { AutoP = true }, a).State;
        Assert.Equal(new PowerChoice(2, null, 600, 5), fitted.Power);
    }

    private static float[] Matrix(Case c) => TestMatrix.LowRankPlusNoise(c.Rows, c.Columns, c.Hidden, c.Spike, c.Seed);

    private static Fitted Run(Case c, Method method, double? p = null)
    {
        float[] a = Matrix(c);
        return Pipeline.Run(Pipeline.Plan(a, c.Columns, c.Rank, p ?? 1.5, method) with { AutoP = p is null }, a);
    }
}
