using System.Collections.Immutable;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.FactorModels.Simplex;

/// <summary>
/// Rounds that move vertices to lower ||A - W V||^2: all rows' weights given V, then V given the weights, by turns. They are means of rows no
/// longer, and lie outside the rows where that is better. Shared: the vertices. Numbers: rounds done.
/// </summary>
/// <remarks>
/// Blob: "gram" W^T W, k x k, and "products" W^T A, k x d, float64, scaled. Figures: the sum of squares at the vertices the round began with. The
/// reduction minimises ||A - W V||^2 + ridge ||V - V_before||^2, so that a vertex no row has weight on stays where it is, and the sum never
/// rises but for the tolerance of the weights.
/// </remarks>
internal static class VertexRefinement
{
    public const string Step = "refine";

    /// <summary>Rounds at most.</summary>
    public const int Most = 1000;

    // Relative to the mean of W^T W's diagonal.
    private const double Ridge = 1e-8;

    private const int Tile = 256;

    /// <summary>The tensor at its first such round.</summary>
    /// <param name="state">At the last round before.</param>
    /// <param name="vertices">"basis", k x d float32 in the matrix' own units.</param>
    public static FitState Begin(FitState state, BlobRef vertices) =>
        At(state, vertices, state.Model!.Round + 1, 0);

    /// <summary>A block's sums.</summary>
    public static (ArrayBlob Blob, ImmutableArray<double> Figures) Sum(BlockTask task, ModelParameters parameters, BlockRows rows, StepContext context)
    {
        (int k, int d) = (parameters.Rank, rows.D);
        StoredVertices vertices = StoredVertices.Read(context, parameters.Round.Shared[0], k, d, ElementType.F32, parameters.Scale);
        var squares = new SimplexLeastSquares(vertices.Gram, k);
        var (gram, sums, products, weights) = (new double[k * k], new double[checked(k * d)], new double[Tile * k], new double[k]);
        double tolerance = task.Plan.Tolerance ?? SimplexModel.DefaultTolerance, left = 0;
        for (int first = 0; first < rows.Count; first += Tile)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            context.Progress?.Invoke((double)first / rows.Count);
            int height = Math.Min(Tile, rows.Count - first);
            rows.Multiply(vertices.Columns, first, height, products);
            for (int i = 0; i < height; i++)
            {
                left += squares.Solve(products.AsSpan(i * k, k), rows.SquareOf(first + i), tolerance, weights).Square;
                for (int t = 0; t < k; t++)
                    if (weights[t] > 0)
                    {
                        FusedVectors.AddScaled(gram.AsSpan(t * k, k), weights[t], weights);
                        rows.AddTo(first + i, sums.AsSpan(t * d, d), weights[t]);
                    }
            }
        }
        return (new ArrayBlob().Add("gram", gram, k, k).Add("products", sums, k, d), [left]);
    }

    /// <summary>The next round, or factorise.</summary>
    public static FitState Reduce(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context)
    {
        (int k, int d, ModelState model) = (state.Rank, plan.Columns, state.Model!);
        var (gram, products) = (new double[k * k], new double[checked(k * d)]);
        BlobRef[] done = [.. results.Select(result => result.Blob)];
        StepData.ReadInOrder(context, done, blob =>
        {
            PackedTriangle.AddTo(gram, blob.View<double>("gram"));
            PackedTriangle.AddTo(products, blob.View<double>("products"));
        });
        float[] before = StepData.Read(context, model.Shared[0]).Get<float>("basis");
        float[] after = Array.ConvertAll(Solve(gram, products, Array.ConvertAll(before, v => v * state.Scale), k, d), v => (float)(v / state.Scale));
        BlobRef vertices = StepData.Write(context, $"{blobPrefix}/vertices", new ArrayBlob().Add("basis", after, k, d));
        int rounds = (int)model.Numbers[0] + 1;
        state = state with { RefineRounds = rounds, LastObjective = results.Sum(result => ((ModelFigures)result.Figures).Sums[0]) };
        return (rounds < plan.Refine ? At(state, vertices, model.Round + 1, rounds) : Done(state, vertices)) with { Superseded = [.. done, model.Shared[0]] };
    }

    /// <summary>The tensor ready to be factorised with these vertices.</summary>
    public static FitState Done(FitState state, BlobRef vertices) => state with
    {
        Stage = new StageId(StageKind.Factorise, 0),
        Basis = vertices,
        Model = state.Model! with { Round = state.Model!.Round + 1, Shared = [], Numbers = [] },
    };

    /// <summary>V with (W^T W + r I) V = W^T A + r V_before, k x d.</summary>
    private static double[] Solve(double[] gram, double[] products, double[] before, int k, int d)
    {
        double ridge = 0;
        for (int t = 0; t < k; t++)
            ridge += Ridge / k * gram[t * k + t];
        for (int t = 0; t < k; t++)
            gram[t * k + t] += ridge;
        for (int i = 0; i < products.Length; i++)
            products[i] += ridge * before[i];
        double[] inverse = Factorisations.InverseCholesky(gram, k);
        var (half, solved) = (new double[k * d], new double[k * d]);
        for (int t = 0; t < k; t++)
            for (int s = 0; s <= t; s++)
                FusedVectors.AddScaled(half.AsSpan(t * d, d), inverse[t * k + s], products.AsSpan(s * d, d));
        for (int t = 0; t < k; t++)
            for (int s = t; s < k; s++)
                FusedVectors.AddScaled(solved.AsSpan(t * d, d), inverse[s * k + t], half.AsSpan(s * d, d));
        return solved;
    }

    private static FitState At(FitState state, BlobRef vertices, int round, int done) => state with
    {
        Stage = new StageId(StageKind.Model, round),
        Model = state.Model! with { Step = Step, Round = round, Shared = [vertices], Numbers = [done] },
    };
}
