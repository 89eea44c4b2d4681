using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// The smallest rank expected to meet a target error (sum c |a - uv|^p / sum c |a|^p)^(1/p), before anything is fitted.
/// </summary>
/// <remarks>
/// At p = 2 the (row-weighted) Gram's eigenvalues say it exactly. Elsewhere it is estimated on the scan's row sample with
/// the SVD's V, which the fit of V can only improve on, and U as the method solves it; where the sample is not the whole
/// matrix, with a margin of 1 %. <see cref="RankCheck"/> measures the factors and has the last word.
/// </remarks>
internal static class TargetRank
{
    private const double Margin = 0.01;

    /// <summary>The search with its first try; O(log d) regressions of the sample.</summary>
    /// <param name="plan">With a target error.</param>
    /// <param name="eigenvalues">Of the (row-weighted) Gram, descending.</param>
    /// <param name="basis">Their eigenvectors, d x d.</param>
    /// <param name="sample">The scan's.</param>
    /// <param name="context">Threads and cancellation.</param>
    /// <exception cref="ClusterLpException">That rank would not shrink the tensor (exit 65).</exception>
    public static RankSearch Choose(TensorPlan plan, double[] eigenvalues, float[] basis, RowSample sample, StepContext context)
    {
        (int d, double target) = (plan.Columns, plan.TargetError!.Value);
        if (plan.P == 2)
        {
            int rank = EnsureShrinks(plan, OfGram(eigenvalues, target));
            return new RankSearch(RankSource.Gram, plan.Rows, [new RankTry(rank, Tail(eigenvalues, rank) / Tail(eigenvalues, 0))]);
        }
        double goal = sample.IsAll ? target : (1 - Margin) * target, norm = 0;
        for (int i = 0; i < sample.Count; i++)
            norm += sample.Weights[i] * PowerSums.AbsolutePower(sample.Rows.AsSpan(i * d, d), plan.P);
        (int low, int high, double expected) = (1, d, 0);
        while (low < high)
        {
            int middle = (low + high) / 2;
            double error = norm == 0 ? 0 : Math.Pow(SampleError(plan, new OrthonormalBasis(basis, d, middle), sample, context) / norm, 1 / plan.P);
            if (error <= goal)
                (high, expected) = (middle, error);
            else
                low = middle + 1;
        }
        return new RankSearch(RankSource.Sample, sample.Count, [new RankTry(EnsureShrinks(plan, low), expected)]);
    }

    /// <summary>The smallest rank whose SVD has at most this relative Frobenius error, 1 or more.</summary>
    public static int OfGram(double[] eigenvalues, double target)
    {
        double goal = target * Tail(eigenvalues, 0);
        int rank = 1;
        while (rank < eigenvalues.Length && Tail(eigenvalues, rank) > goal)
            rank++;
        return rank;
    }

    /// <summary>Frobenius error of the SVD of this rank, in the Gram's units.</summary>
    public static double Tail(double[] eigenvalues, int rank)
    {
        double sum = 0;
        // The smallest first, and rounding's negative ones as nothing.
        for (int j = eigenvalues.Length - 1; j >= rank; j--)
            sum += Math.Max(eigenvalues[j], 0);
        return Math.Sqrt(sum);
    }

    /// <summary><see cref="Tail"/> of every rank from 0 to d.</summary>
    public static double[] Tails(double[] eigenvalues)
    {
        var tails = new double[eigenvalues.Length + 1];
        double sum = 0;
        for (int j = eigenvalues.Length - 1; j >= 0; j--)
            tails[j] = Math.Sqrt(sum += Math.Max(eigenvalues[j], 0));
        return tails;
    }

    private static int EnsureShrinks(TensorPlan plan, int rank) => rank <= RankRule.Largest(plan.Rows, plan.Columns)
        ? rank
        : throw ClusterLpException.BadInput(FormattableString.Invariant(
            $"tensor \"{plan.Name}\": a relative l_p error of {plan.TargetError} needs rank {rank}, which would not shrink a {plan.Rows} x {plan.Columns} matrix; allow a larger error."));

    /// <summary>sum c |a - uv|^p over the sample.</summary>
    private static double SampleError(TensorPlan plan, OrthonormalBasis basis, RowSample sample, StepContext context)
    {
        const int part = RowRegression.TileRows;
        (int d, int count) = (basis.D, sample.Count);
        var regression = new RowRegression(basis, plan.Method == Method.Lp ? plan.P : 2);
        var sums = new double[(count + part - 1) / part];
        FixedPartition.For(sums.Length, context.Threads, context.Cancellation, index =>
        {
            int first = index * part, height = Math.Min(part, count - first);
            ReadOnlySpan<float> a = sample.Rows.AsSpan(first * d, height * d);
            var u = new float[height * basis.Rank];
            var residual = new float[height * d];
            regression.Solve(a, height, u, context.Cancellation);
            Gemm.Multiply(u, basis.Rank, height, basis.V, residual, d);
            for (int i = 0; i < residual.Length; i++)
                residual[i] = a[i] - residual[i];
            for (int i = 0; i < height; i++)
                sums[index] += sample.Weights[first + i] * PowerSums.AbsolutePower(residual.AsSpan(i * d, d), plan.P);
        });
        return sums.Sum();
    }
}
