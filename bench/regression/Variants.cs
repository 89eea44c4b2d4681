using ClusterLp.Core.LpFit;

namespace ClusterLp.RegressionBench;

/// <summary>A way to iterate; the first of a list is the one that the others are compared with.</summary>
internal sealed record Variant(string Name, RegressionOptions Options)
{
    private static readonly RegressionOptions Fixed = new() { Relaxation = 1.6 };

    /// <summary>What is worth comparing at this p, all to the same gap; null: the default.</summary>
    public static IReadOnlyList<Variant> At(double p, double? gap)
    {
        RegressionOptions chosen = RegressionOptions.For(p, gap);
        RegressionOptions plain = Fixed with { Gap = chosen.Gap };
        List<Variant> variants =
        [
            new("fixed step, relaxation 1.6, last dual", plain),
            new("without over-relaxation", plain with { Relaxation = 1 }),
            new("relaxation 1.8", plain with { Relaxation = 1.8 }),
            new("step halved", plain with { StepFactor = 0.5 }),
            new("step doubled", plain with { StepFactor = 2 }),
            new("averaged dual", plain with { Averaging = 3 }),
            new("falling step", plain with { StepFactor = 4, StepDecay = 0.97, LeastStepFactor = 0.3 }),
            new("averaged dual, falling step", plain with { Averaging = 3, StepFactor = 4, StepDecay = 0.97, LeastStepFactor = 0.3 }),
            new("averaged dual, falling step, 1.8", plain with { Averaging = 3, StepFactor = 4, StepDecay = 0.97, LeastStepFactor = 0.3, Relaxation = 1.8 }),
            .. gap is null ? [] : new Variant[] { new("default, but for the default gap", RegressionOptions.For(p) with { Gap = chosen.Gap }) },
            new("default", chosen),
        ];
        // So that none is stopped before its gap.
        return [.. variants.Select(v => v with { Options = v.Options with { MaxIterations = 5000 } })];
    }
}
