using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Sketches;

namespace ClusterLp.Core.FactorModels.Krylov;

/// <summary>
/// The rank for a target error where there is no Gram matrix: a <see cref="ResidualSketch"/> taken in the scan says about which rank
/// meets it, the iteration is made for that rank, and what it finds decides: the smallest rank whose error is known to be small enough.
/// </summary>
/// <remarks>A block's scan has "residual", the sketch's upper triangle packed, unscaled.</remarks>
internal static class TargetSketch
{
    // Directions beyond the rank that are kept, in case rounding to the factors' type costs what the rank has to spare.
    private const int LeastSpare = 4, SpareShare = 8;

    // The measured error has roundings of its own.
    private const double Margin = 1e-6;

    public static void Add(BlockTask task, ReadOnlySpan<float> rows, int count, ReadOnlySpan<double> weights, ArrayBlob blob)
    {
        ResidualSketch sketch = Of(task.Plan);
        var gram = new double[sketch.Size * sketch.Size];
        sketch.Add(rows, count, weights, gram);
        Write(blob, gram, sketch.Size);
    }

    /// <inheritdoc cref="Add(BlockTask, ReadOnlySpan{float}, int, ReadOnlySpan{double}, ArrayBlob)"/>
    public static void Add(BlockTask task, SparseRows rows, ReadOnlySpan<double> weights, ArrayBlob blob)
    {
        ResidualSketch sketch = Of(task.Plan);
        var gram = new double[sketch.Size * sketch.Size];
        sketch.Add(rows, weights, gram);
        Write(blob, gram, sketch.Size);
    }

    /// <summary>The search with the rank the iteration is to be made for.</summary>
    /// <param name="plan">With a target error.</param>
    /// <param name="scan">With the blocks' sketches.</param>
    /// <param name="context">Blobs and threads.</param>
    /// <exception cref="ClusterLpException">That rank would not shrink the tensor, or is beyond what an iteration can find (exit 65).</exception>
    public static RankSearch Choose(TensorPlan plan, ScanFindings scan, StepContext context)
    {
        double target = plan.TargetError!.Value, total = scan.Squares, goal = target * target * total;
        ResidualCurve curve = Curve(plan, scan, context);
        int most = Models.LargestRank(plan);
        int? known = curve.RankFor(goal);
        (int? least, int? upper) = curve.RanksFor(goal);
        // Beyond the curve nothing is known, and something must be tried.
        int rank = Math.Max(1, known ?? Beyond(curve, goal, most));
        if (most < 1 || (known is null ? curve.LargestRank : Math.Max(1, least ?? 1)) > most)
            throw NotWithin(plan, Math.Max(rank, most + 1));
        rank = Math.Min(rank, most);
        if (Models.Of(plan).Obstacle(plan with { Rank = rank }) is { } obstacle)
            throw ClusterLpException.BadInput(FormattableString.Invariant(
                $"tensor \"{plan.Name}\": a relative error of {target} needs rank {rank} or so: {obstacle}; allow a larger error."));
        ResidualEstimate? at = rank <= curve.LargestRank ? curve[rank] : null;
        double Relative(double energy) => total > 0 ? Math.Sqrt(energy / total) : 0;
        double expected = at is { } estimate ? Relative(estimate.Energy) : target;
        return new RankSearch(RankSource.Sketch, plan.Rows, [new RankTry(rank, expected)])
        {
            Sketch = new RankSketch(rank, expected, at is { } low ? Relative(low.Lower) : null, at is { } high ? Relative(high.Upper) : null, least, upper),
        };
    }

    /// <summary>The smallest rank whose error the iteration knows to be within the target; null where it knows of none.</summary>
    /// <param name="plan">With a target error.</param>
    /// <param name="values">Squared singular values found, descending.</param>
    /// <param name="squares">||A||_F^2.</param>
    public static int? Cut(TensorPlan plan, double[] values, double squares)
    {
        double goal = Math.Pow((1 - Margin) * plan.TargetError!.Value, 2) * squares, left = squares;
        for (int k = 1; k <= values.Length; k++)
            if ((left -= values[k - 1]) <= goal)
                return k;
        return null;
    }

    /// <summary>Directions to keep at a rank of which so many are known.</summary>
    public static int Kept(int rank, int known) => Math.Min(known, rank + Math.Max(LeastSpare, rank / SpareShare));

    /// <summary>The error that the iteration expects of each rank it has kept directions for, relative: element k; what <see cref="RankCheck"/> raises the rank by.</summary>
    public static double[] Errors(FitState fit, StepContext context)
    {
        double[] values = StepData.Read(context, fit.Model!.Shared[0]).Get<double>("values");
        double squares = KrylovProgress.Of(fit.Model).Squares, left = squares;
        var errors = new double[values.Length + 1];
        errors[0] = 1;
        for (int k = 1; k < errors.Length; k++)
            errors[k] = squares > 0 ? Math.Sqrt(Math.Max(left -= values[k - 1], 0) / squares) : 0;
        return errors;
    }

    public static ClusterLpException NotWithin(TensorPlan plan, int rank) => ClusterLpException.BadInput(FormattableString.Invariant(
        $"tensor \"{plan.Name}\": a relative Frobenius error of {plan.TargetError} needs rank {rank} or so, which would not shrink a {plan.Rows} x {plan.Columns} matrix; allow a larger error."));

    private static ResidualCurve Curve(TensorPlan plan, ScanFindings scan, StepContext context)
    {
        ResidualSketch sketch = Of(plan);
        var sum = new double[PackedTriangle.Length(sketch.Size)];
        StepData.ReadInOrder(context, scan.Blocks, blob => PackedTriangle.AddTo(sum, blob.View<double>("residual")));
        return ResidualCurve.Of(PackedTriangle.Unpack(sum, sketch.Size), sketch.Bands, scan.Squares, (int)Math.Min(plan.Rows, plan.Columns),
            context.Threads, context.Cancellation);
    }

    /// <summary>As if the curve's last half went on falling by the same power of the rank.</summary>
    private static int Beyond(ResidualCurve curve, double goal, int most)
    {
        int last = curve.LargestRank, before = Math.Max(1, last / 2);
        double power = Math.Log(curve[before].Energy / curve[last].Energy) / Math.Log((double)last / before);
        double rank = last * Math.Pow(curve[last].Energy / goal, 1 / power);
        return rank < most ? Math.Max(last, (int)rank) : most;
    }

    private static ResidualSketch Of(TensorPlan plan) =>
        SharedOperands.Get(new BlobRef($"residual sketch {plan.Seed} {plan.Index} {plan.Columns}", 0, ""), "map", () => new ResidualSketch(plan.Columns, plan.Seed, plan.Index));

    private static void Write(ArrayBlob blob, double[] gram, int size)
    {
        double[] packed = PackedTriangle.Pack(gram, size);
        blob.Add("residual", packed, packed.Length);
    }
}
