using ClusterLp.Core.Coresets;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.FactorModels.Krylov;

/// <summary>How far an iteration has come; the numbers of its <see cref="ModelState"/>.</summary>
/// <param name="Squares">sum c_i ||a_i||^2, scaled.</param>
/// <param name="Bound">||A - A V^T V||_F / ||A||_F is at most this, row-weighted where weights are given.</param>
/// <param name="LastGain">Share of the bound that the last pass took off; 1 after the first.</param>
/// <param name="Passes">Passes made.</param>
/// <param name="Dimensions">Of the space.</param>
internal readonly record struct KrylovProgress(double Squares, double Bound, double LastGain, int Passes, int Dimensions)
{
    public double[] Numbers => [Squares, Bound, LastGain, Passes, Dimensions];

    public static KrylovProgress Of(ModelState model) =>
        new(model.Numbers[0], model.Numbers[1], model.Numbers[2], (int)model.Numbers[3], (int)model.Numbers[4]);
}

/// <summary>
/// A pass of the block Krylov iteration over the blocks. Shared: "rows" b_t x d float64, the space's last block, which is multiplied; once
/// the iteration is done, "basis" k x d float32, V. Kept: the blocks before it, and "projected" (<see cref="KrylovSpace.Projected"/>).
/// </summary>
/// <remarks>Blob of a block: "product" d x b float64 (<see cref="KrylovPass"/>); in the scan, where X is random, unscaled.</remarks>
internal static class KrylovRound
{
    public const string Step = "krylov";

    // Where the next pass is expected to lower the bound by less than this share of it, it is not made, unless it is asked for.
    private const double LeastGain = 1e-3;

    // How a pass' gain compares with the one before, where only one is known.
    private const double UsualFall = 1.0 / 3;

    // Nothing is left, to float32's rounding.
    private const double Nothing = 1e-7;

    private const ulong Salt = 0x6b72796c6f760000;

    /// <summary>Adds "product" for a random X to the scan; where the rank is not known yet, a sketch (<see cref="TargetSketch"/>).</summary>
    public static void AddToScan(BlockTask task, ReadOnlySpan<float> rows, ReadOnlySpan<double> rowWeights, ArrayBlob blob, StepContext context)
    {
        if (task.Plan.Rank is not int rank)
        {
            TargetSketch.Add(task, rows, rowWeights.Length, Weights(task.Plan, rowWeights), blob);
            return;
        }
        (TensorPlan plan, int d, int b) = (task.Plan, task.Plan.Columns, task.Plan.BlockVectors(rank));
        PackedMatrix<double> x = SharedOperands.Get(Start(plan, b), "packed", () => PackedMatrix<double>.FromTransposed(RandomRows(plan, b), d, b));
        blob.Add("product", KrylovPass.Multiply(rows, rowWeights.Length, Weights(plan, rowWeights), x, context), d, b);
    }

    /// <inheritdoc cref="AddToScan(BlockTask, ReadOnlySpan{float}, ReadOnlySpan{double}, ArrayBlob, StepContext)"/>
    public static void AddToScan(BlockTask task, SparseRows rows, ReadOnlySpan<double> rowWeights, ArrayBlob blob, StepContext context)
    {
        if (task.Plan.Rank is not int rank)
        {
            TargetSketch.Add(task, rows, Weights(task.Plan, rowWeights), blob);
            return;
        }
        (TensorPlan plan, int d, int b) = (task.Plan, task.Plan.Columns, task.Plan.BlockVectors(rank));
        double[] x = SharedOperands.Get(Start(plan, b), "columns", () => RowCombinations.Transpose(RandomRows(plan, b), b, d));
        blob.Add("product", KrylovPass.Multiply(rows, Weights(plan, rowWeights), x, b, context), d, b);
    }

    public static BlockResult Run(BlockTask task, IMatrixSource source, string blobName, StepContext context)
    {
        var parameters = (ModelParameters)task.Parameters;
        (TensorPlan plan, int d, BlobRef shared) = (task.Plan, task.Plan.Columns, parameters.Round.Shared[0]);
        double[] c = StepData.ReadRowWeights(task, context);
        double[] product;
        if (source is ISparseSource sparse)
        {
            SparseRows rows = StepData.ReadSparse(task, sparse, parameters.Scale);
            double[] x = SharedOperands.Get(shared, "columns", () => ReadBlock(context, shared) is var block ? RowCombinations.Transpose(block, block.Length / d, d) : []);
            product = KrylovPass.Multiply(rows, Weights(plan, c), x, x.Length / d, context);
        }
        else
        {
            Span<float> rows = StepData.ReadInput(task, source, parameters.Scale);
            PackedMatrix<double> x = SharedOperands.Get(shared, "packed", () => ReadBlock(context, shared) is var block ? PackedMatrix<double>.FromTransposed(block, d, block.Length / d) : null!);
            product = KrylovPass.Multiply(rows, c.Length, Weights(plan, c), x, context);
        }
        return new BlockResult(StepData.Write(context, blobName, new ArrayBlob().Add("product", product, d, product.Length / d)), new ModelFigures([]));
    }

    /// <summary>The tensor after the scan, which was the first pass unless it was to find the rank.</summary>
    public static FitState Begin(TensorPlan plan, FitState state, ScanFindings scan, string blobPrefix, StepContext context)
    {
        (int d, int b, double square) = (plan.Columns, plan.BlockVectors(state.Rank), state.Scale * state.Scale);
        var begun = new KrylovProgress(square * scan.Squares, 1, 1, 0, 0);
        double[] start = RandomRows(plan, b);
        if (plan.Rank is null)
            return state with
            {
                Stage = new StageId(StageKind.Model, 0),
                Model = new ModelState(Step, 0) { Shared = [WriteBlock(start, 0, d, blobPrefix, context)], Numbers = [.. begun.Numbers] },
            };
        double[] product = Sum(scan.Blocks, d, b, square, context);
        KrylovSpace space = KrylovSpace.Begin(start, product, d, context.Threads, context.Cancellation);
        return Continue(plan, state, space, [], begun, blobPrefix, context);
    }

    /// <summary>The next pass, or factorise with V.</summary>
    public static FitState Reduce(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context)
    {
        (ModelState model, int d) = (state.Model!, plan.Columns);
        BlobRef[] blocks = [.. model.Kept.SkipLast(1), model.Shared[0]], products = [.. results.Select(result => result.Blob)];
        if (model.Kept.IsEmpty)
        {
            // Only where the scan was to find the rank: later passes keep what was projected.
            double[] start = ReadBlock(context, model.Shared[0]);
            KrylovSpace first = KrylovSpace.Begin(start, Sum(products, d, start.Length / d, 1, context), d, context.Threads, context.Cancellation);
            return Continue(plan, state, first, [], KrylovProgress.Of(model), blobPrefix, context) with { Superseded = [.. products, model.Shared[0]] };
        }
        KrylovSpace space = KrylovSpace.Restore(blocks.Select(block => ReadBlock(context, block)),
            StepData.Read(context, model.Kept[^1]).Get<double>("projected"), d, context.Threads, context.Cancellation);
        space.Extend(Sum(products, d, space.LastRows, 1, context));
        FitState next = Continue(plan, state, space, blocks, KrylovProgress.Of(model), blobPrefix, context);
        return next with { Superseded = [.. products, model.Kept[^1], .. next.Stage.Kind == StageKind.Factorise ? blocks : []] };
    }

    // From a space that has just grown; the first of its blocks lie in blobs.
    private static FitState Continue(TensorPlan plan, FitState state, KrylovSpace space, BlobRef[] written, KrylovProgress before, string blobPrefix, StepContext context)
    {
        (int d, int k, int passes) = (plan.Columns, state.Rank, before.Passes + 1);
        bool searches = plan.Rank is null;
        // A target error may need more directions than the sketch proposed.
        k = Math.Min(k, space.Dimensions);
        (double[] values, double[] coefficients) = space.Leading(searches ? space.Dimensions : k);
        double left = Math.Sqrt(Math.Max(before.Squares - values.Take(k).Sum(), 0));
        double bound = before.Squares > 0 ? left / Math.Sqrt(before.Squares) : 0;
        var progress = new KrylovProgress(before.Squares, bound, passes == 1 ? 1 : before.Bound > 0 ? 1 - bound / before.Bound : 0, passes, space.Dimensions);
        int asked = KrylovModel.Passes(plan);
        bool done = passes >= asked || space.LastRows == 0 || plan.Passes is null && (bound <= Nothing || NextGain(progress, before) < LeastGain);
        if (done && searches)
        {
            if (TargetSketch.Cut(plan, values, before.Squares) is int rank)
                (state, k) = Settle(plan, state, values, before.Squares, rank);
            else if (space.LastRows == 0)
                (state, k) = Settle(plan, state, values, before.Squares, values.Length);
            else if (passes < KrylovModel.MostPasses && space.Dimensions + space.LastRows <= KrylovModel.MostDimensions)
                done = false;
            else
                throw TargetSketch.NotWithin(plan, space.Dimensions + 1);
            progress = done ? progress with { Bound = state.Search!.Tries[^1].Expected } : progress;
        }
        if (done)
        {
            float[] v = Array.ConvertAll(space.Combine(coefficients, k), value => (float)value);
            return state with
            {
                Stage = new StageId(StageKind.Factorise, 0),
                Model = new ModelState(Step, passes)
                {
                    Shared = [StepData.Write(context, $"{blobPrefix}/v", new ArrayBlob().Add("basis", v, k, d).Add("values", values[..k], k))],
                    Numbers = [.. progress.Numbers],
                },
            };
        }
        BlobRef[] more = [.. space.Blocks.Skip(written.Length).Select((block, i) => WriteBlock(block, written.Length + i, d, blobPrefix, context))];
        BlobRef projected = StepData.Write(context, $"{blobPrefix}/projected", new ArrayBlob().Add("projected", space.Projected, space.Projected.Length));
        int round = searches ? passes : passes - 1;
        return state with
        {
            Stage = new StageId(StageKind.Model, round),
            Model = new ModelState(Step, round) { Shared = [more[^1]], Kept = [.. written, .. more[..^1], projected], Numbers = [.. progress.Numbers] },
        };
    }

    // The rank that meets the target, and how many directions to keep.
    private static (FitState State, int Kept) Settle(TensorPlan plan, FitState state, double[] values, double squares, int rank)
    {
        if (rank > Models.LargestRank(plan))
            throw TargetSketch.NotWithin(plan, rank);
        double error = squares > 0 ? Math.Sqrt(Math.Max(squares - values.Take(rank).Sum(), 0) / squares) : 0;
        return (state with { Rank = rank, Search = state.Search! with { Tries = [new RankTry(rank, error)] } }, TargetSketch.Kept(rank, values.Length));
    }

    private static BlobRef WriteBlock(double[] rows, int index, int d, string blobPrefix, StepContext context) =>
        StepData.Write(context, $"{blobPrefix}/krylov-{index}", new ArrayBlob().Add("rows", rows, rows.Length / d, d));

    // Gains fall by a factor each pass, as a rule a growing one.
    private static double NextGain(KrylovProgress now, KrylovProgress before) => now.Passes == 1 ? 1
        : now.LastGain * (now.Passes == 2 ? UsualFall : before.LastGain > 0 ? Math.Min(1, now.LastGain / before.LastGain) : 0);

    // Unweighted rows have weights of 1.
    private static ReadOnlySpan<double> Weights(TensorPlan plan, ReadOnlySpan<double> c) => plan.RowWeights is null ? default : c;

    // G X of the blocks' parts in block order, as its transpose, b x d.
    private static double[] Sum(IReadOnlyList<BlobRef> blobs, int d, int b, double factor, StepContext context)
    {
        var sum = new double[checked(d * b)];
        StepData.ReadInOrder(context, blobs, blob => PackedTriangle.AddTo(sum, blob.View<double>("product")));
        return RowCombinations.Transpose(sum, d, b, factor);
    }

    private static double[] ReadBlock(StepContext context, BlobRef blob) => StepData.Read(context, blob).Get<double>("rows");

    // X of the scan is what the plan says it is, and lies in no blob.
    private static BlobRef Start(TensorPlan plan, int b) => new($"random {plan.Seed} {plan.Index} {plan.Columns} {b}", 0, "");

    /// <summary>X of the scan, b x d: uniform numbers in [-1, 1), of the seed, the tensor and the place alone.</summary>
    private static double[] RandomRows(TensorPlan plan, int b)
    {
        var rows = new double[checked(b * plan.Columns)];
        for (int i = 0; i < rows.Length; i++)
            rows[i] = 2 * RowSampler.Uniform(plan.Seed ^ Salt, plan.Index, i) - 1;
        return rows;
    }
}
