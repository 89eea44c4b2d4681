using System.Globalization;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>The smallest rank that meets a target error ||A - UV||_p / ||A||_p.</summary>
/// <remarks>
/// At p = 2 without row weights the Gram's eigenvalues say it exactly. Elsewhere it is estimated on the scan's row sample with
/// the SVD's V, which the fit of V can only improve on, and U as the method solves it; where the
/// sample is not the whole matrix, with a margin of 2 %.
/// </remarks>
internal static class TargetRank
{
    private const double Margin = 0.02;

    /// <summary>k; O(log d) regressions of the sample.</summary>
    /// <param name="plan">With a target error.</param>
    /// <param name="eigenvalues">Of the (row-weighted) Gram, descending.</param>
    /// <param name="basis">Their eigenvectors, d x d.</param>
    /// <param name="sample">Rows x d float32, scaled.</param>
    /// <param name="context">Threads and cancellation.</param>
    /// <exception cref="ClusterLpException">That rank would not shrink the tensor (exit 65).</exception>
    public static int Choose(TensorPlan plan, double[] eigenvalues, float[] basis, float[] sample, StepContext context)
    {
        (int d, double target) = (plan.Columns, plan.TargetError!.Value);
        double goal = sample.Length < plan.Rows * d ? (1 - Margin) * target : target;
        double norm = PowerSums.AbsolutePower(sample, plan.P);
        (int low, int high) = (1, d);
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (Meets(middle))
                high = middle;
            else
                low = middle + 1;
        }
        // k (n + d) >= n d saves nothing.
        if ((Int128)low * (plan.Rows + d) >= (Int128)plan.Rows * d)
            throw ClusterLpException.BadInput(string.Create(CultureInfo.InvariantCulture,
                $"tensor \"{plan.Name}\": a relative l_p error of {target} needs rank {low}, which would not shrink a {plan.Rows} x {d} matrix; allow a larger error."));
        return low;

        bool Meets(int rank)
        {
            if (rank == d || norm == 0)
                return true;
            if (plan.P == 2 && plan.RowWeights is null)
                return eigenvalues.Skip(rank).Sum(v => Math.Max(v, 0)) <= target * target * eigenvalues.Sum(v => Math.Max(v, 0));
            return SampleError(plan, new OrthonormalBasis(basis, d, rank), sample, context) <= Math.Pow(goal, plan.P) * norm;
        }
    }

    /// <summary>sum |a - uv|^p over the sample.</summary>
    private static double SampleError(TensorPlan plan, OrthonormalBasis basis, float[] sample, StepContext context)
    {
        const int part = RowRegression.TileRows;
        (int d, int count) = (basis.D, sample.Length / basis.D);
        var regression = new RowRegression(basis, plan.Method == Method.Lp ? plan.P : 2);
        var sums = new double[(count + part - 1) / part];
        FixedPartition.For(sums.Length, context.Threads, context.Cancellation, index =>
        {
            int first = index * part, height = Math.Min(part, count - first);
            ReadOnlySpan<float> a = sample.AsSpan(first * d, height * d);
            var u = new float[height * basis.Rank];
            var residual = new float[height * d];
            regression.Solve(a, height, u, context.Cancellation);
            Gemm.Multiply(u, basis.Rank, height, basis.V, residual, d);
            for (int i = 0; i < residual.Length; i++)
                residual[i] = a[i] - residual[i];
            sums[index] = PowerSums.AbsolutePower(residual, plan.P);
        });
        return sums.Sum();
    }
}
