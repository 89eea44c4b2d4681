using ClusterLp.Core.Jobs;

namespace ClusterLp.Cli.Running;

/// <summary>
/// How much of a job's arithmetic is done, by flop counts of the stages with typical numbers of rounds. An estimate for
/// people: nothing is computed from it.
/// </summary>
internal sealed class WorkEstimate(JobPlan plan)
{
    private const int LewisRounds = 8;
    private const int RefineRounds = 2;
    private const int JointRounds = 70;
    private const int ClusterRounds = 8;
    private const int KrylovPasses = 3;
    private const int IterationsNearTwo = 4;
    private const int IterationsAtOne = 100;

    private readonly double[] _totals = [.. plan.Tensors.Select(tensor => StagesOf(tensor).Sum(stage => stage.Flops))];

    /// <summary>Flops of a tensor's scan and of all its stages, and how many d x d matrices they decompose.</summary>
    public static (double Scan, double All, int Decompositions) Of(TensorPlan tensor)
    {
        // The fit on the coreset decomposes one in each of its rounds.
        const int mergeRounds = 10;
        List<(StageKind Kind, int Rounds, double Flops)> stages = [.. StagesOf(tensor)];
        return (stages[0].Flops, stages.Sum(stage => stage.Flops), stages.Sum(stage => stage.Kind switch
        {
            StageKind.Factorise => 0,
            StageKind.Coreset => mergeRounds,
            _ => stage.Rounds,
        }));
    }

    private static bool IsLp(TensorPlan tensor) => tensor.Method == Method.Lp && tensor.P < 2;

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
            if (kind == progress.Stage.Kind)
                // Rounds beyond the typical number count as the last of it.
                return done + flops * Math.Min(rounds, Math.Min(progress.Stage.Round, rounds - 1) + progress.StageShare) / rounds;
            done += flops;
        }
        // Not foreseen: a coreset; or it waits for the others, once it is scanned.
        return progress.Stage.Kind is StageKind.Lewis or StageKind.Coreset
            ? StagesOf(tensor).TakeWhile(stage => stage.Kind != StageKind.Refine).Sum(stage => stage.Flops)
            : StagesOf(tensor).First().Flops;
    }

    private static IEnumerable<(StageKind Kind, int Rounds, double Flops)> StagesOf(TensorPlan tensor)
    {
        double n = tensor.Rows, d = tensor.Columns, k = tensor.Rank ?? d / 2, gram = n * d * d;
        if (tensor.Method == Method.Krylov)
        {
            bool searches = tensor.Rank is null;
            k = tensor.Rank ?? Math.Min(64, d / 2);
            double pass = 4 * n * d * tensor.BlockVectors((int)k);
            int rounds = (tensor.Passes ?? KrylovPasses) - (searches ? 0 : 1);
            yield return (StageKind.Scan, 1, searches ? n * (8 * d + 512 * 512) : pass);
            if (rounds > 0)
                yield return (StageKind.Model, rounds, rounds * pass);
            yield return (StageKind.Factorise, 1, 4 * n * d * k);
            yield break;
        }
        yield return (StageKind.Scan, 1, gram);
        if (tensor.ExactRows is not null)
            yield return (StageKind.Model, 1, 2 * gram);
        if (tensor.Subspaces is int subspaces)
            yield return (StageKind.Model, ClusterRounds, ClusterRounds * (gram + 2 * subspaces * n * d * (d - k)));
        if (tensor.Method == Method.Simplex)
            yield return (StageKind.Model, (int)k + 1 + (tensor.Refine ?? 0), (4 + 2 * (tensor.Refine ?? 0)) * n * d * k);
        // Where the scan decides on a coreset, most matrices have none.
        bool lp = IsLp(tensor), coreset = lp && tensor.AsksForCoreset;
        if (tensor.Method == Method.Lewis)
            yield return (StageKind.Lewis, LewisRounds, LewisRounds * 2 * gram);
        else if (coreset)
            yield return (StageKind.Lewis, 1, gram);
        if (lp && tensor.Subspaces is null)
        {
            if (coreset)
                yield return (StageKind.Coreset, 1, 0.1 * gram);
            yield return (StageKind.Refine, RefineRounds, RefineRounds * (gram + 2 * n * d * k));
            if (tensor.Fit == Fit.Joint)
                yield return (StageKind.Joint, JointRounds, JointRounds * (gram + 4 * n * d * Math.Min(k, d - k)));
        }
        double m = Math.Min(d, tensor.ActiveColumns ?? d);
        double iterations = !lp ? 0
            : IterationsNearTwo + (IterationsAtOne - IterationsNearTwo) * Math.Max(0, 1.5 - tensor.P) / 0.5;
        yield return (StageKind.Factorise, 1, 8 * n * d * k + iterations * 4 * n * m * Math.Min(k, Math.Max(m - k, 1)));
    }
}
