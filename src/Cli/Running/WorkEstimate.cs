using ClusterLp.Core.Jobs;

namespace ClusterLp.Cli.Running;

/// <summary>
/// How much of a job's arithmetic is done, by flop counts of the stages with typical numbers of rounds. An estimate for
/// people: nothing is computed from it.
/// </summary>
internal sealed class WorkEstimate(JobPlan plan)
{
    private const int LewisRounds = 3;
    private const int RefineRounds = 2;
    private const int IterationsNearTwo = 20;
    private const int IterationsAtOne = 100;

    private readonly double[] _totals = [.. plan.Tensors.Select(tensor => StagesOf(tensor).Sum(stage => stage.Flops))];

    /// <summary>Share of all tensors' work, 0 to 1.</summary>
    public double ShareDone(JobProgress progress)
    {
        double done = 0;
        for (int i = 0; i < progress.Tensors.Length; i++)
            done += Done(plan.Tensors[i], progress.Tensors[i], _totals[i]);
        return Math.Clamp(done / _totals.Sum(), 0, 1);
    }

    private static double Done(TensorPlan tensor, TensorProgress progress, double total)
    {
        if (progress.Stage.Kind == StageKind.Done)
            return total;
        double done = 0;
        foreach ((StageKind kind, int rounds, double flops) in StagesOf(tensor))
        {
            if (kind < progress.Stage.Kind)
                done += flops;
            else if (kind == progress.Stage.Kind)
                // Rounds beyond the typical number count as the last of it.
                done += flops * Math.Min(rounds, Math.Min(progress.Stage.Round, rounds - 1) + progress.StageShare) / rounds;
        }
        return done;
    }

    private static IEnumerable<(StageKind Kind, int Rounds, double Flops)> StagesOf(TensorPlan tensor)
    {
        double n = tensor.Rows, d = tensor.Columns, k = tensor.Rank ?? d / 2, gram = n * d * d;
        yield return (StageKind.Scan, 1, gram);
        bool coreset = tensor.Method == Method.Lp && tensor.Fit == Fit.Coreset && n >= 20 * d;
        if (tensor.Method == Method.Lewis || coreset)
            yield return (StageKind.Lewis, LewisRounds, LewisRounds * 2 * gram);
        if (tensor.Method == Method.Lp)
        {
            if (coreset)
                yield return (StageKind.Coreset, 1, 0.1 * gram);
            yield return (StageKind.Refine, RefineRounds, RefineRounds * (gram + 2 * n * d * k));
        }
        double iterations = tensor.Method != Method.Lp || tensor.P == 2 ? 0
            : IterationsNearTwo + (IterationsAtOne - IterationsNearTwo) * Math.Max(0, 1.5 - tensor.P) / 0.5;
        yield return (StageKind.Factorise, 1, 8 * n * d * k + iterations * 4 * n * d * Math.Min(k, d - k));
    }
}
