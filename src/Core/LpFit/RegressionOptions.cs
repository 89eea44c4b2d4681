namespace ClusterLp.Core.LpFit;

/// <summary>How <see cref="RowRegression"/> iterates and when a row is done. docs/regression.md has what each is worth.</summary>
public sealed record RegressionOptions
{
    /// <summary>Least gap that can be asked for: below it float32 residuals say nothing.</summary>
    public const double LeastGap = 1e-5;

    // At p = 1 by default; the step falls by the second an iteration.
    private const double L1Gap = 1e-2, L1Fall = 0.03;

    /// <summary>a, in (0, 2).</summary>
    public double Relaxation { get; init; } = 1.7;

    /// <summary>The step l is this times (mean |r_i|)^(2-p) of the row's projection residual, at first.</summary>
    public double StepFactor { get; init; } = 1;

    /// <summary>The step is multiplied by this after every iteration, until its factor is <see cref="LeastStepFactor"/>; 1: it stays.</summary>
    public double StepDecay { get; init; } = 1;

    /// <summary>Where the step stops falling; above 0, so that ADMM converges.</summary>
    public double LeastStepFactor { get; init; } = 1;

    /// <summary>
    /// w: after iteration t the averaged dual moves by w / (t + w - 1) towards Y, so that Y of iteration s weighs about
    /// s^(w-1); 0: none is kept.
    /// </summary>
    public double Averaging { get; init; }

    /// <summary>
    /// A row is done when its certified relative gap in ||r||_p is at most this. (Want of progress says nothing: at p = 1
    /// rows pause for ten iterations and more, and stopping there cost 1 %.)
    /// </summary>
    public double Gap { get; init; } = 2e-3;

    /// <summary>A multiple of 5; a row that gets there counts as short of its gap.</summary>
    public int MaxIterations { get; init; } = 150;

    /// <summary>
    /// The options for this p. At p = 1 a long step first, for the dual, and a short one later, for the residual: the later the
    /// smaller the gap asked for, which the dual decides. Elsewhere three iterations do as a rule.
    /// </summary>
    /// <param name="p">In [1, 2].</param>
    /// <param name="tolerance">
    /// The gap asked for, at least <see cref="LeastGap"/>; it may take 5000 iterations. Null: 1e-2 at p = 1 and 2e-3 elsewhere, of at most
    /// 150 iterations.
    /// </param>
    public static RegressionOptions For(double p, double? tolerance = null)
    {
        RegressionOptions options = p == 1
            ? new()
            {
                Gap = L1Gap,
                StepFactor = 4,
                StepDecay = 1 - L1Fall * Math.Sqrt(Math.Min(1, (tolerance ?? L1Gap) / L1Gap)),
                LeastStepFactor = 0.3,
                Averaging = 3,
            }
            : new();
        return tolerance is double gap ? options with { Gap = gap, MaxIterations = 5000 } : options;
    }

    /// <summary>
    /// For the joint fit, where the last parts in a thousand count: U is solved once, V in many rounds. At p = 1 a gap of 3e-3 is
    /// within 3e-4 of the error and takes half the iterations of 1e-3.
    /// </summary>
    public static RegressionOptions Close(double p) => For(p) with { Gap = p == 1 ? 3e-3 : 1e-3, MaxIterations = 600 };
}
