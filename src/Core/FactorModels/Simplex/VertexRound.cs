using System.Collections.Immutable;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.FactorModels.Simplex;

/// <summary>
/// The rounds over the blocks: one for each vertex finds the rows farthest along its direction (<see cref="Extremes"/>), the next
/// averages them all (<see cref="Average"/>); <see cref="VertexRefinement"/> may follow. Shared: the SVD's basis and the search (<see cref="VertexSearch"/>). Numbers: how many times its
/// share of the averaged rows a block names at each end.
/// </summary>
/// <remarks>
/// A block names at each end at most the rows that are averaged in all, and several times its share of them as a rule; where it named too
/// few to be sure, which shows in their all being among the farthest, the round is done again with more. So the rows averaged
/// are exactly the farthest, and a block's blob stays small. Blobs: "top_values", "top_rows" int64 and "top_numbers" float32
/// (coordinates in the span of the top singular vectors), and "bottom_...", products negated; or "sums" k x d and "counts" k, float64.
/// </remarks>
internal static class VertexRound
{
    public const string Extremes = "extremes", Average = "average";

    private const int Tile = 256;

    private const double Widening = 4;

    /// <summary>Rows that a vertex averages: a share of all, at least one.</summary>
    public static long Averaged(TensorPlan plan, int rank) =>
        Math.Clamp((long)Math.Round(plan.Rows * (plan.Smoothing ?? SimplexModel.DefaultSmoothing(rank))), 1, plan.Rows);

    /// <summary>The tensor at its first round.</summary>
    public static FitState Begin(TensorPlan plan, FitState state, ReadOnlySpan<float> subspace, string blobPrefix, StepContext context) => state with
    {
        Stage = new StageId(StageKind.Model, 0),
        Model = new ModelState(Extremes, 0)
        {
            Shared = [state.SvdBasis!, Write(VertexSearch.Begin(subspace, state.Rank, plan.Columns, plan.Seed, plan.Index), blobPrefix, context)],
            Numbers = [Widening],
        },
    };

    public static BlockResult Run(BlockTask task, IMatrixSource source, string blobName, StepContext context)
    {
        var parameters = (ModelParameters)task.Parameters;
        BlockRows rows = BlockRows.Read(task, source, parameters.Scale);
        if (parameters.Round.Step == VertexRefinement.Step)
        {
            (ArrayBlob sums, ImmutableArray<double> figures) = VertexRefinement.Sum(task, parameters, rows, context);
            return new BlockResult(StepData.Write(context, blobName, sums), new ModelFigures(figures));
        }
        VertexSearch search = SharedOperands.Get(parameters.Round.Shared[1], "search",
            () => VertexSearch.From(StepData.Read(context, parameters.Round.Shared[1]), parameters.Rank, task.Plan.Columns));
        ArrayBlob blob = parameters.Round.Step == Extremes ? FindExtremes(task, parameters, rows, search, context) : Sum(task, rows, search, context);
        return new BlockResult(StepData.Write(context, blobName, blob), new ModelFigures([]));
    }

    /// <summary>The next round, or factorise with the vertices.</summary>
    public static FitState Reduce(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context)
    {
        BlobRef[] done = [.. results.Select(result => result.Blob)];
        if (state.Model!.Step == VertexRefinement.Step)
            return VertexRefinement.Reduce(plan, state, results, blobPrefix, context);
        return state.Model!.Step == Extremes ? ReduceExtremes(plan, state, done, blobPrefix, context) : ReduceSums(plan, state, done, blobPrefix, context);
    }

    private static ArrayBlob FindExtremes(BlockTask task, ModelParameters parameters, BlockRows rows, VertexSearch search, StepContext context)
    {
        (TensorPlan plan, int k, int d) = (task.Plan, parameters.Rank, rows.D);
        using var clock = KernelClock.Measure(KernelKind.Elementwise);
        var products = new double[rows.Count];
        var direction = new RightFactor(search.Direction, 1, d);
        for (int first = 0; first < rows.Count; first += Tile)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            int height = Math.Min(Tile, rows.Count - first);
            rows.Multiply(direction, first, height, products.AsSpan(first, height));
        }
        RightFactor subspace = SharedOperands.Get(parameters.Round.Shared[0], $"top {k} as columns", () =>
            new RightFactor(Array.ConvertAll(StepData.Read(context, parameters.Round.Shared[0]).View<float>("basis")[..(k * d)].ToArray(), x => (double)x), k, d));
        int most = MostNamed(plan, k, rows.Count, parameters.Round.Numbers[0]);
        var blob = new ArrayBlob();
        foreach ((string end, int sign) in Ends)
        {
            int[] places = ExtremeRows.Places(products, sign, most);
            var (values, indices, numbers, coordinates) = (new double[places.Length], new long[places.Length], new float[places.Length * k], new double[k]);
            for (int i = 0; i < places.Length; i++)
            {
                (values[i], indices[i]) = (sign * products[places[i]], plan.Partition.FirstRow(task.Address.Block) + places[i]);
                rows.Multiply(subspace, places[i], 1, coordinates);
                for (int j = 0; j < k; j++)
                    numbers[i * k + j] = (float)coordinates[j];
            }
            blob.Add($"{end}_values", values, values.Length).Add($"{end}_rows", ElementType.I64, indices, indices.Length)
                .Add($"{end}_numbers", numbers, places.Length, k);
        }
        return blob;
    }

    private static FitState ReduceExtremes(TensorPlan plan, FitState state, BlobRef[] done, string blobPrefix, StepContext context)
    {
        (ModelState model, int k) = (state.Model!, state.Rank);
        int averaged = checked((int)Averaged(plan, k)), block = 0;
        double widening = model.Numbers[0];
        ExtremeRows[] ends = [ExtremeRows.None(k), ExtremeRows.None(k)];
        // Of each block that may have more to name, the last row it did.
        var last = new List<(int End, double Value, long Row)>();
        StepData.ReadInOrder(context, done, blob =>
        {
            int rows = plan.Partition.RowCount(block++);
            for (int e = 0; e < 2; e++)
            {
                string end = Ends[e].Name;
                var named = ExtremeRows.From(blob.Get<double>($"{end}_values"), blob.Get<long>($"{end}_rows"), blob.Get<float>($"{end}_numbers"), k);
                ends[e] = ends[e].Merge(named, averaged);
                if (named.Count < Math.Min(averaged, rows))
                    last.Add((e, named.Values[^1], named.Rows[^1]));
            }
        });
        if (last.Any(row => ends[row.End].Count < averaged || ExtremeRows.IsBefore(row.Value, row.Row, ends[row.End].Values[^1], ends[row.End].Rows[^1])))
            return state with
            {
                Stage = new StageId(StageKind.Model, model.Round + 1),
                Model = model with { Round = model.Round + 1, Numbers = [widening * Widening] },
                Superseded = [.. done],
            };
        float[] subspace = SharedOperands.Get(state.SvdBasis!, $"top {k}", () => StepData.Read(context, state.SvdBasis!).View<float>("basis")[..(k * plan.Columns)].ToArray());
        VertexSearch next = VertexSearch.From(StepData.Read(context, model.Shared[1]), k, plan.Columns).Next(subspace, ends[0], ends[1], plan.Seed, plan.Index);
        return state with
        {
            Stage = new StageId(StageKind.Model, model.Round + 1),
            Model = model with
            {
                Step = next.Count < k ? Extremes : Average,
                Round = model.Round + 1,
                Shared = [state.SvdBasis!, Write(next, blobPrefix, context)],
            },
            Superseded = [.. done, model.Shared[1]],
        };
    }

    private static ArrayBlob Sum(BlockTask task, BlockRows rows, VertexSearch search, StepContext context)
    {
        using var clock = KernelClock.Measure(KernelKind.Elementwise);
        (int k, int d, long firstRow) = (search.Count, rows.D, task.Plan.Partition.FirstRow(task.Address.Block));
        var directions = new RightFactor(search.Directions, k, d);
        var (sums, counts, products) = (new double[checked(k * d)], new double[k], new double[Tile * k]);
        for (int first = 0; first < rows.Count; first += Tile)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Progress?.Invoke((double)first / rows.Count);
            int height = Math.Min(Tile, rows.Count - first);
            rows.Multiply(directions, first, height, products);
            for (int i = 0; i < height; i++)
                for (int t = 0; t < k; t++)
                    if (search.Averages(t, products[i * k + t], firstRow + first + i))
                    {
                        rows.AddTo(first + i, sums.AsSpan(t * d, d));
                        counts[t]++;
                    }
        }
        return new ArrayBlob().Add("sums", sums, k, d).Add("counts", counts, k);
    }

    private static FitState ReduceSums(TensorPlan plan, FitState state, BlobRef[] done, string blobPrefix, StepContext context)
    {
        (int k, int d, long averaged) = (state.Rank, plan.Columns, Averaged(plan, state.Rank));
        var (sums, counts) = (new double[checked(k * d)], new double[k]);
        StepData.ReadInOrder(context, done, blob =>
        {
            PackedTriangle.AddTo(sums, blob.View<double>("sums"));
            PackedTriangle.AddTo(counts, blob.View<double>("counts"));
        });
        if (Array.Exists(counts, count => count != averaged))
            throw new ClusterLpException(ExitCode.Internal, $"tensor \"{plan.Name}\": a vertex averages {counts.First(count => count != averaged)} rows; expected {averaged}.");
        // Rows were multiplied by the scale: the vertices are kept in the matrix' own units.
        float[] vertices = Array.ConvertAll(sums, sum => (float)(sum / averaged / state.Scale));
        BlobRef kept = StepData.Write(context, $"{blobPrefix}/vertices", new ArrayBlob().Add("basis", vertices, k, d));
        FitState next = plan.Refine is null ? VertexRefinement.Done(state, kept) : VertexRefinement.Begin(state, kept);
        return next with { Superseded = [.. done, state.Model!.Shared[1]] };
    }

    private static readonly (string Name, int Sign)[] Ends = [("top", 1), ("bottom", -1)];

    // A block's share of the averaged rows, so many times; never more than are averaged.
    private static int MostNamed(TensorPlan plan, int rank, int rows, double widening)
    {
        long averaged = Averaged(plan, rank);
        double wanted = widening * (Math.Ceiling((double)averaged * rows / plan.Rows) + 1);
        return (int)Math.Min(Math.Min(wanted, averaged), rows);
    }

    private static BlobRef Write(VertexSearch search, string blobPrefix, StepContext context) =>
        StepData.Write(context, $"{blobPrefix}/search", search.ToBlob());
}
