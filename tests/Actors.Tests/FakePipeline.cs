using System.Collections.Concurrent;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Actors.Tests;

/// <summary>
/// A pipeline that computes nothing of value but depends on everything that matters: each blob holds the block's address
/// and the basis of the stage before, each reduction the concatenation of its blobs in the order it was handed them.
/// </summary>
internal sealed class FakePipeline : IFitPipeline
{
    /// <summary>Runs on the slot's thread before a block is written.</summary>
    public Action<BlockTask, StepContext>? BeforeBlock { get; init; }

    /// <summary>Runs on the slot's thread after a block is written and before it is reported.</summary>
    public Action<BlockAddress, BlobRef>? AfterBlock { get; init; }

    /// <summary>Runs on the merge thread before a stage is reduced.</summary>
    public Action<FitState, IReadOnlyList<BlockResult>>? BeforeReduction { get; init; }

    /// <summary>Every block computed, in order of completion.</summary>
    public ConcurrentQueue<BlockAddress> Computed { get; } = [];

    public FitState Begin(TensorPlan plan) => new() { Stage = new StageId(StageKind.Scan, 0), Rank = 1 };

    public BlockTask TaskFor(TensorPlan plan, FitState state, int block) => new(
        new BlockAddress(plan.Index, state.Stage, block), plan,
        state.Stage.Kind switch
        {
            StageKind.Scan => new ScanParameters(),
            StageKind.Refine => new RefineParameters(1, state.Basis!, 1, 0),
            _ => new FactoriseParameters(1, state.Basis!, state.Basis!, 1),
        });

    public BlockResult RunBlock(BlockTask task, IMatrixSource source, string blobName, StepContext context)
    {
        BeforeBlock?.Invoke(task, context);
        context.Cancellation.ThrowIfCancellationRequested();
        var rows = new float[task.Plan.Columns];
        source.ReadRows(task.Plan.Partition.FirstRow(task.Address.Block), 1, rows);
        string basis = task.Parameters switch
        {
            RefineParameters p => Read(context.Blobs, p.Basis),
            FactoriseParameters p => Read(context.Blobs, p.Basis!),
            _ => "",
        };
        BlobRef blob = Write(context.Blobs, blobName, $"{task.Address} row {rows[0]} basis {basis.Length}\n");
        Computed.Enqueue(task.Address);
        AfterBlock?.Invoke(task.Address, blob);
        return new BlockResult(blob, task.Parameters switch
        {
            ScanParameters => new ScanFigures(rows[0], 1, new InputChecksums(1, 1)),
            RefineParameters => new RefineFigures(rows[0]),
            _ => new FactoriseFigures(ErrorSums.Zero, ErrorSums.Zero, new RegressionOutcome(rows[0], 0, 0, 0, 1), ErrorSums.Zero),
        });
    }

    public FitState Reduce(TensorPlan plan, FitState state, IReadOnlyList<BlockResult> results, string blobPrefix, StepContext context)
    {
        BeforeReduction?.Invoke(state, results);
        string all = string.Concat(results.Select(result => Read(context.Blobs, result.Blob)));
        BlobRef basis = Write(context.Blobs, blobPrefix + "-basis", all);
        StageId next = state.Stage switch
        {
            { Kind: StageKind.Scan } => new StageId(StageKind.Refine, 0),
            { Kind: StageKind.Refine } => new StageId(StageKind.Factorise, 0),
            _ => new StageId(StageKind.Done, 0),
        };
        return state with { Stage = next, Basis = basis, Superseded = [.. results.Select(result => result.Blob)] };
    }

    public static string Read(IBlobStore blobs, BlobRef blob)
    {
        using var reader = new StreamReader(blobs.OpenRead(blob));
        return reader.ReadToEnd();
    }

    private static BlobRef Write(IBlobStore blobs, string name, string text) =>
        blobs.Write(name, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));
}

/// <summary>A model of one-column matrices whose entry is the row's number.</summary>
internal sealed class CountingModel : IModel
{
    public string Path => "counting";
    public IReadOnlyList<TensorInfo> Tensors => [];
    public IReadOnlyList<string> Files => [];
    public IReadOnlyList<string>? Vocabulary => null;

    public IMatrixSource OpenMatrix(string tensor) => new Matrix(tensor);

    public void Dispose()
    {
    }

    private sealed class Matrix(string name) : IMatrixSource
    {
        public string Name => name;
        public long Rows => TestJob.Rows;
        public int Columns => 1;

        public void ReadRows(long firstRow, int count, Span<float> destination)
        {
            for (int i = 0; i < count; i++)
                destination[i] = firstRow + i;
        }

        public void Dispose()
        {
        }
    }
}
