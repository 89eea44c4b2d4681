using ClusterLp.Core;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.LpFit;

namespace ClusterLp;

/// <summary>Factorises a matrix in memory, in this process.</summary>
public static class LowRank
{
    /// <summary>
    /// Finds U (n x k) and V (k x d) that make the entrywise l_p error of U V small. Takes the time of some n d^2 and n d k
    /// products and about as much memory again as the matrix and U; the factors do not depend on the number of threads.
    /// </summary>
    /// <param name="matrix">n x d numbers, row-major, with n > d as a rule; it must not change during the call.</param>
    /// <param name="columns">d, 1 to 8192.</param>
    /// <param name="rank">k, from 1 to min(n, d).</param>
    /// <param name="options">What is minimised, and how; null: the defaults.</param>
    /// <param name="progress">Told the share of the stage at hand now and then, 0 to 1, from the computing threads.</param>
    /// <param name="cancellation">Looked at about every second.</param>
    /// <exception cref="ArgumentException">The numbers make no such matrix, an option is out of its range, or an entry is NaN or infinite (named by row and column).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static LowRankFactors Fit(
        ReadOnlyMemory<float> matrix, int columns, int rank, LowRankOptions? options = null, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        options ??= new LowRankOptions();
        Check(matrix.Length, columns, rank, options);
        try
        {
            return Run(Plan(matrix.Length / columns, columns, rank, options), matrix, options.Threads ?? Environment.ProcessorCount, progress, cancellation);
        }
        catch (ClusterLpException e) when (e.Code == ExitCode.BadInput)
        {
            throw new ArgumentException(e.Message, nameof(matrix), e);
        }
    }

    /// <summary>The largest k at which the factors have at most (1 - <paramref name="compression"/>) n d numbers, and at least 1.</summary>
    /// <param name="rows">n.</param>
    /// <param name="columns">d.</param>
    /// <param name="compression">Share of the numbers to save, between 0 and 1.</param>
    public static int RankFor(int rows, int columns, double compression)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        if (!(compression > 0 && compression < 1))
            throw new ArgumentOutOfRangeException(nameof(compression), compression, "expected a number between 0 and 1.");
        return RankRule.FromCompression(rows, columns, compression);
    }

    private static void Check(int length, int columns, int rank, LowRankOptions options)
    {
        if (columns < 1 || columns > JobPlanner.MostColumns)
            throw new ArgumentOutOfRangeException(nameof(columns), columns, $"expected 1 to {JobPlanner.MostColumns}.");
        if (length == 0 || length % columns != 0)
            throw new ArgumentException($"{length} numbers are no matrix of {columns} columns.", "matrix");
        if (rank < 1 || rank > Math.Min(length / columns, columns))
            throw new ArgumentOutOfRangeException(nameof(rank), rank, $"expected 1 to {Math.Min(length / columns, columns)}.");
        if (!options.ChooseP && !(options.P >= 1 && options.P <= 2))
            throw new ArgumentOutOfRangeException(nameof(options), options.P, "P: expected a number from 1 to 2.");
        if (options.Tolerance is { } tolerance && !(tolerance >= RegressionOptions.LeastGap && tolerance <= 0.5))
            throw new ArgumentOutOfRangeException(nameof(options), tolerance, "Tolerance: expected a number from 1e-5 to 0.5.");
        if (options.Threads < 1)
            throw new ArgumentOutOfRangeException(nameof(options), options.Threads, "Threads: expected 1 or more.");
    }

    private static TensorPlan Plan(int rows, int columns, int rank, LowRankOptions options) => new()
    {
        Index = 0,
        Name = "matrix",
        Rows = rows,
        Columns = columns,
        InputType = ElementType.F32,
        FactorType = ElementType.F32,
        BlockRows = BlockPartition.DefaultBlockRows(rows, columns),
        Rank = rank,
        P = options.P,
        AutoP = options.ChooseP,
        Tolerance = options.Tolerance,
        Method = options.Method == LowRankMethod.Svd ? Method.Svd : Method.Lp,
        Fit = options.Method switch { LowRankMethod.Coreset => Core.Jobs.Fit.Coreset, LowRankMethod.Exact => Core.Jobs.Fit.Exact, LowRankMethod.Joint => Core.Jobs.Fit.Joint, _ => Core.Jobs.Fit.Auto },
        Seed = options.Seed,
        Input = "the matrix",
    };

    private static LowRankFactors Run(TensorPlan plan, ReadOnlyMemory<float> matrix, int threads, IProgress<double>? progress, CancellationToken cancellation)
    {
        var blobs = new MemoryBlobs();
        using var source = new MemoryMatrix(plan.Name, matrix, plan.Columns);
        using var states = new RowStates();
        var reduction = new StepContext(blobs, threads, cancellation);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation };
        FitState state = FitPipeline.Begin(plan);
        while (!state.IsDone)
        {
            FitState at = state;
            var results = new BlockResult[plan.Partition.Count];
            int done = 0;
            Run(parallel, results.Length, block =>
            {
                results[block] = FitPipeline.RunBlock(
                    FitPipeline.TaskFor(plan, at, block), source, $"{at.Stage}/{block}", new StepContext(blobs, 1, cancellation) { States = states });
                progress?.Report((double)Interlocked.Increment(ref done) / results.Length);
            });
            state = FitPipeline.Reduce(plan, at, results, $"{at.Stage}/reduced", reduction);
            foreach (BlobRef blob in state.Superseded)
                blobs.Delete(blob);
        }
        return Collect(plan.Settled(state), state, blobs);
    }

    // What one block throws is thrown, not a list of it.
    private static void Run(ParallelOptions options, int count, Action<int> block)
    {
        try
        {
            Parallel.For(0, count, options, block);
        }
        catch (AggregateException e)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerExceptions.FirstOrDefault(inner => inner is not OperationCanceledException) ?? e.InnerExceptions[0]);
        }
    }

    private static LowRankFactors Collect(TensorPlan plan, FitState fit, MemoryBlobs blobs)
    {
        int k = fit.Rank;
        var u = new float[plan.Rows * k];
        for (int block = 0; block < fit.UBlocks.Length; block++)
            blobs.Read<float>(fit.UBlocks[block], "u").CopyTo(u, plan.Partition.FirstRow(block) * k);
        float[] v = blobs.Read<float>(fit.StoredV!, "basis")[..(k * plan.Columns)];
        return new LowRankFactors((int)plan.Rows, plan.Columns, k, plan.P) { U = u, V = v, Errors = Errors(fit.Ours!, plan.P), SvdErrors = Errors(fit.Svd!, plan.P) };
    }

    private static LowRankErrors Errors(ErrorSums sums, double p) => new(Math.Pow(sums.Lp, 1 / p), sums.L1, Math.Sqrt(sums.Squares), sums.MaxRow);
}
