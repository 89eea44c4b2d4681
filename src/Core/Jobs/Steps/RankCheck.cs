using System.Collections.Immutable;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// With a target error: compares it with what the stored factors reach on all rows and, where they miss it, raises the rank
/// and has them fitted again.
/// </summary>
/// <remarks>
/// The error is taken to fall with the rank as a power of the SVD's own error does, which the Gram's eigenvalues (or an iteration's) give for
/// every rank: power 1 after the first try, the measured one (a secant on logarithms) after that. A miss raises the rank by
/// 1, 2, 4, ... at least, so that the number of tries is at most logarithmic in d.
/// </remarks>
internal static class RankCheck
{
    private const double LeastPower = 0.25, LargestPower = 4;

    /// <summary>The state of a factorised tensor as it is where its target is met or none is set, else set back to its refit.</summary>
    /// <param name="plan">Its plan.</param>
    /// <param name="done">Factorised, with its errors.</param>
    /// <param name="context">The blob store.</param>
    /// <exception cref="ClusterLpException">No rank that shrinks the tensor meets the target (exit 65).</exception>
    public static FitState Conclude(TensorPlan plan, FitState done, StepContext context)
    {
        if (plan.TargetError is not double target || done.Search is not { } search)
            return done;
        double measured = done.Norms!.WeightedLp > 0 ? Math.Pow(done.Ours!.WeightedLp / done.Norms.WeightedLp, 1 / plan.P) : 0;
        ImmutableArray<RankTry> tries = search.Tries.SetItem(search.Tries.Length - 1, search.Tries[^1] with { Measured = measured });
        done = done with { Search = search with { Tries = tries } };
        return measured <= target ? done : Raise(plan, done, target, context);
    }

    private static FitState Raise(TensorPlan plan, FitState missed, double target, StepContext context)
    {
        ImmutableArray<RankTry> tries = missed.Search!.Tries;
        (int rank, double measured) = (tries[^1].Rank, tries[^1].Measured!.Value);
        double[] errors = Models.Of(plan).ErrorsByRank(missed, context);
        int largest = Math.Min(Models.LargestRank(plan), errors.Length - 1);
        if (rank >= largest)
            throw ClusterLpException.BadInput(FormattableString.Invariant(
                $"tensor \"{plan.Name}\": factors of rank {rank}, the largest that shrinks a {plan.Rows} x {plan.Columns} matrix, stored as {plan.FactorType}, leave a relative l_p error of {measured:G5}, more than {target}; allow a larger error or store the factors in a wider --dtype."));
        double power = tries.Length == 1 ? 1 : Power(errors, tries[^2], tries[^1]);
        double tail = errors[rank];
        int next = rank;
        double expected;
        do
        {
            next++;
            expected = tail > 0 ? measured * Math.Pow(errors[next] / tail, power) : measured;
        }
        while (next < largest && (expected > target || next - rank < 1 << Math.Min(tries.Length - 1, 20)));
        missed = missed with
        {
            Rank = next,
            Search = missed.Search with { Tries = tries.Add(new RankTry(next, expected)) },
            UBlocks = [],
            Ours = null,
            Svd = null,
            Norms = null,
            Superseded = missed.UBlocks,
        };
        // V was fitted for the rank before; the SVD's and the Lewis ellipsoid's axes are the same for every rank.
        return plan.Method == Method.Lp && plan.P < 2
            ? missed with
            {
                Stage = new StageId(StageKind.Refine, missed.RefineRounds),
                RefinedBefore = missed.RefineRounds,
                PreviousBasis = null,
                LastObjective = double.MaxValue,
            }
            : missed with { Stage = new StageId(StageKind.Factorise, 0) };
    }

    /// <summary>How fast the error fell from one try to the next: d log error / d log (the SVD's error).</summary>
    private static double Power(double[] errors, RankTry before, RankTry after)
    {
        double fall = Math.Log(after.Measured!.Value / before.Measured!.Value);
        double svd = Math.Log(errors[after.Rank] / errors[before.Rank]);
        return double.IsFinite(svd) && svd < 0 ? Math.Clamp(fall / svd, LeastPower, LargestPower) : LeastPower;
    }
}
