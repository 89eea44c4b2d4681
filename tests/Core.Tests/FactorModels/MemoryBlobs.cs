using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.FactorModels;

/// <summary>Runs the pipeline of one tensor in this thread and keeps the blobs that are left: what a model is stored from.</summary>
internal sealed class MemoryBlobs : IBlobStore
{
    private readonly MemoryBlobStore _store = new();

    public BlobRef Write(string name, Action<Stream> content) => _store.Write(name, content);

    public Stream OpenRead(BlobRef blob) => _store.OpenRead(blob);

    public void Delete(BlobRef blob) => _store.Delete(blob);

    /// <param name="plan">What to do.</param>
    /// <param name="matrix">n x d row-major.</param>
    /// <param name="backwards">Computes a stage's blocks in the opposite order.</param>
    /// <param name="threads">Threads of the reductions.</param>
    /// <param name="sparse">The blocks are read from the matrix' nonzeros.</param>
    public FitState Run(TensorPlan plan, float[] matrix, bool backwards = false, int threads = 1, bool sparse = false)
    {
        var context = new StepContext(this, threads, CancellationToken.None);
        using IMatrixSource source = sparse ? new ArraySparseSource(matrix, plan.Columns) : new ArrayMatrixSource(matrix, plan.Columns);
        FitState state = FitPipeline.Begin(plan);
        while (!state.IsDone)
        {
            var results = new BlockResult[plan.Partition.Count];
            foreach (int block in backwards ? Enumerable.Range(0, results.Length).Reverse() : Enumerable.Range(0, results.Length))
                results[block] = FitPipeline.RunBlock(FitPipeline.TaskFor(plan, state, block), source, $"{state.Stage}/{block}", context);
            state = FitPipeline.Reduce(plan, state, results, $"{state.Stage}/merged", context);
            foreach (BlobRef blob in state.Superseded)
                Delete(blob);
        }
        return state;
    }

    public long[] Rows(BlobRef blob) => this.ReadArrays(blob).Get<long>("rows");

    /// <summary>V, k x d.</summary>
    public float[] V(FitState fit)
    {
        float[] basis = this.ReadArrays(fit.StoredV!).Get<float>("basis");
        return basis[..(fit.Rank * (int)Math.Sqrt(basis.Length))];
    }
}
