using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.Tests.Support;

/// <summary>
/// The outcome of a whole pipeline: the last state and the factors, U n x k and V k x d, row-major; V before and after it is
/// rounded to the factors' type.
/// </summary>
public sealed record Fitted(FitState State, float[] U, float[] V, float[] StoredV);

/// <summary>Runs the pipeline of one tensor in this thread, deleting what it calls superseded.</summary>
public static class Pipeline
{
    public static TensorPlan Plan(float[] matrix, int columns, int? rank, double p = 1.5, Method method = Method.Lp, Fit fit = Fit.Exact) => new()
    {
        Index = 0,
        Name = "matrix",
        Rows = matrix.Length / columns,
        Columns = columns,
        InputType = ElementType.F32,
        FactorType = ElementType.F32,
        BlockRows = Math.Max(1, (matrix.Length / columns + 4) / 5),
        Rank = rank,
        P = p,
        Method = method,
        Fit = fit,
        Seed = 0,
        Input = "memory",
    };

    /// <param name="plan">What to do.</param>
    /// <param name="matrix">n x d row-major.</param>
    /// <param name="order">In which order a stage's blocks are computed; null: in theirs.</param>
    /// <param name="threads">Threads of the reductions.</param>
    /// <param name="states">What the blocks' computer remembers.</param>
    /// <param name="remembers">Asked for every block whether it does; null: always.</param>
    /// <param name="sparse">The blocks are read from the matrix' nonzeros.</param>
    public static Fitted Run(TensorPlan plan, float[] matrix, Func<int, IEnumerable<int>>? order = null, int threads = 1,
        RowStates? states = null, Func<bool>? remembers = null, bool sparse = false)
    {
        var store = new MemoryBlobStore();
        var context = new StepContext(store, threads, CancellationToken.None);
        using IMatrixSource source = sparse ? new ArraySparseSource(matrix, plan.Columns) : new ArrayMatrixSource(matrix, plan.Columns);
        FitState state = FitPipeline.Begin(plan);
        while (!state.IsDone)
        {
            var results = new BlockResult[plan.Partition.Count];
            foreach (int block in order?.Invoke(results.Length) ?? Enumerable.Range(0, results.Length))
                results[block] = FitPipeline.RunBlock(FitPipeline.TaskFor(plan, state, block), source, $"{state.Stage}/{block}",
                    context with { States = remembers?.Invoke() == false ? null : states });
            state = FitPipeline.Reduce(plan, state, results, $"{state.Stage}/merged", context);
            foreach (BlobRef blob in state.Superseded)
                store.Delete(blob);
        }
        float[] u = [.. state.UBlocks.SelectMany(blob => Array(store, blob, "u", plan.FactorType))];
        float[] v = Array(store, state.StoredV!, "basis", ElementType.F32)[..(state.Rank * plan.Columns)];
        var bytes = new byte[v.Length * plan.FactorType.Size()];
        var stored = new float[v.Length];
        ElementConversion.FromFloat32(plan.FactorType, v, bytes);
        ElementConversion.ToFloat32(plan.FactorType, bytes, stored);
        return new Fitted(state, u, v, stored);
    }

    private static float[] Array(IBlobStore store, BlobRef blob, string name, ElementType type)
    {
        using Stream stream = store.OpenRead(blob);
        ArrayBlob arrays = ArrayBlob.ReadFrom(stream);
        return type switch
        {
            ElementType.F16 => System.Array.ConvertAll(arrays.Get<Half>(name), value => (float)value),
            ElementType.BF16 => System.Array.ConvertAll(arrays.Get<ushort>(name), value => BitConverter.UInt32BitsToSingle((uint)value << 16)),
            _ => arrays.Get<float>(name),
        };
    }
}
