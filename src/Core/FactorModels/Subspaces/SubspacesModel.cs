using ClusterLp.Core.Coresets;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.FactorModels.Subspaces;

/// <summary>
/// Projective clustering (Maalouf, Lang, Rus and Feldman 2020, arXiv 2010.04290): each row of A is approximated in the nearest of J
/// subspaces of dimension k, a_i = u_i V_j. Stored: U n x k, the V_j, and j of each row. Fitted first on a row sample
/// of the scan's, from several starts, then from the best of them in rounds over all rows (<see cref="SubspaceRound"/>).
/// </summary>
internal sealed class SubspacesModel : IFactorModel
{
    /// <summary>Part of a tensor's name: the rows' subspaces.</summary>
    public const string Ids = "ids";

    /// <summary>J at most, and the bytes that J Gram matrices of a block may take.</summary>
    public const int Most = 64;

    public const long MostGramBytes = 256L << 20;

    /// <summary>Starts on the sample where nothing else is asked for.</summary>
    public const int DefaultRestarts = 4;

    // Each subspace is to see several times as many rows as it has columns.
    private const int SampleRowsPerColumn = 8, FewestSampleRows = 4096, MostSampleElements = 1 << 24;

    public string Name => "subspaces";

    public string? Conflict(JobSpec spec) => spec switch
    {
        { Method: not Method.Lp } => "subspaces belongs to method lp.",
        { Fit: not Fit.Auto } => "subspaces has a fit of its own, on a sample and then on all rows: leave fit out.",
        { TargetError: not null } => "subspaces needs a rank or a compression: the rank that meets a target error is estimated for one subspace alone.",
        { ColumnMetric: not null } => "subspaces does not go with column-metric.",
        { ExactRows: not null } => "subspaces does not go with exact-rows.",
        { ActiveColumns: not null } => "subspaces does not go with active-columns.",
        _ => null,
    };

    public string? Obstacle(TensorPlan plan)
    {
        long bytes = plan.Subspaces!.Value * (long)PackedTriangle.Length(plan.Columns) * sizeof(double);
        return bytes <= MostGramBytes ? null
            : $"{plan.Subspaces} subspaces of {plan.Columns} columns need as many Gram matrices for each block, {bytes >> 20} MiB, and {MostGramBytes >> 20} are allowed; take fewer subspaces";
    }

    public long StoredBytes(TensorPlan plan, int rank) =>
        checked((plan.Rows + plan.Subspaces!.Value * (long)plan.Columns) * rank * plan.FactorType.Size() + plan.Rows);

    /// <summary>
    /// Starts run beside each other, with three sets of subspaces (as they are, and packed) and two rounds' sums each, over one
    /// sample, held as it is read and as it is used. Later the blocks' sums, those a reduction reads at once, and three sets. Twice as
    /// much again may lie there that the garbage collector has not come to (measured): all of it is made anew in every round.
    /// </summary>
    public double WorkingBytes(TensorPlan plan, int threads)
    {
        double squares = plan.Subspaces!.Value * (double)plan.Columns * plan.Columns;
        double set = 2 * sizeof(float) * squares, sums = sizeof(double) * squares / 2;
        double sample = sizeof(float) * Math.Min(plan.Rows, SampleRows(plan)) * plan.Columns;
        return 3 * Math.Max(3 * sample + Math.Min(plan.Restarts ?? DefaultRestarts, threads) * (3 * set + 2 * sums), 3 * set + (4 * threads + 1) * sums);
    }

    public IEnumerable<string> StoredNames(FactorNames names) => [names.U, names.V, names.Part(Ids)];

    public bool ReadsScannedRows => true;

    /// <summary>Adds "cluster_rows" float32, count x d, rows drawn with equal probability, and "cluster_weights" float64, their c.</summary>
    public void AddToScan(BlockTask task, ReadOnlySpan<float> rows, ReadOnlySpan<double> rowWeights, ArrayBlob blob, StepContext context)
    {
        (TensorPlan plan, int d) = (task.Plan, task.Plan.Columns);
        long firstRow = plan.Partition.FirstRow(task.Address.Block);
        double wanted = SampleRows(plan);
        var (sample, weights) = (new List<float>(), new List<double>());
        for (int i = 0; i < rowWeights.Length; i++)
        {
            if (RowSampler.Uniform(plan.Seed, plan.Index, firstRow + i) * plan.Rows >= wanted)
                continue;
            sample.AddRange(rows.Slice(i * d, d));
            weights.Add(rowWeights[i]);
        }
        blob.Add("cluster_rows", [.. sample], weights.Count, d).Add("cluster_weights", [.. weights], weights.Count);
    }

    private static double SampleRows(TensorPlan plan) =>
        Math.Min(Math.Max(FewestSampleRows, (double)SampleRowsPerColumn * plan.Subspaces!.Value * plan.Columns), MostSampleElements / plan.Columns);

    public FitState Begin(TensorPlan plan, FitState state, ScanFindings scan, string blobPrefix, StepContext context)
    {
        int d = plan.Columns;
        var (sampled, weights) = (new List<float>(), new List<double>());
        foreach (BlobRef block in scan.Blocks)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            ArrayBlob blob = StepData.Read(context, block);
            sampled.AddRange(blob.View<float>("cluster_rows"));
            weights.AddRange(blob.View<double>("cluster_weights"));
        }
        // Of very few rows none may have been drawn.
        (float[] rows, double[] c) = weights.Count > 0 ? ([.. sampled], [.. weights]) : (scan.Sample.Rows, scan.Sample.Weights);
        if (weights.Count > 0)
            StepData.Multiply(rows, (float)state.Scale);
        SubspaceClustering.Outcome start = SubspaceClustering.Best(rows, d, c, plan.Subspaces!.Value, state.Rank, plan.P,
            plan.Restarts ?? DefaultRestarts, plan.Seed, plan.Index, context.Threads, context.Cancellation);
        return SubspaceRound.Begin(state, start, c.Length, blobPrefix, context);
    }

    public BlockResult RunRound(BlockTask task, IMatrixSource source, string blobName, StepContext context) =>
        SubspaceRound.Run(task, source, blobName, context);

    public FitState ReduceRound(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context) =>
        SubspaceRound.Reduce(plan, state, results, blobPrefix, context);

    public IBlockEncoder Encoder(BlockTask task, StepContext context) => new SubspacesEncoder(task, context);

    /// <summary>The state's numbers are from now on the rows of each subspace.</summary>
    public FitState Encoded(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, StepContext context)
    {
        var sizes = new double[plan.Subspaces!.Value];
        foreach (FactoriseFigures figures in results.Select(result => (FactoriseFigures)result.Figures))
            for (int j = 0; j < sizes.Length; j++)
                sizes[j] += figures.Model[j];
        return state with { Model = state.Model! with { Numbers = [.. sizes] } };
    }

    public StoredModel Stored(TensorPlan plan, FitState fit, IBlobStore blobs) => new StoredSubspaces(plan, fit, blobs);

    public IRowDecoder Decoder(IModel output, FactorNames names, TensorReport report, bool transposed) => SubspacesDecoder.Open(output, names, report);

    public TensorReport Describe(TensorReport report, TensorPlan plan, FitState fit) => report with
    {
        Subspaces = new SubspacesReport(plan.Subspaces!.Value, plan.Restarts ?? DefaultRestarts, [.. fit.Model!.Numbers.Select(size => (long)size)]),
    };
}
