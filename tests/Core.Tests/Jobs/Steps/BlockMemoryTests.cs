using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Tests.Formats;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.Jobs.Steps;

/// <summary>A worker's memory is that of a block: a longer matrix has more of them, one after the other.</summary>
[Collection(Alone.Name)]
public sealed class BlockMemoryTests
{
    private const int D = 64, BlockRows = 8192;

    /// <summary>
    /// From a stage's second block on none allocates more for a block of a long matrix than for one of a short matrix, and none
    /// as much as the block's rows, but for the regression's short-lived tiles.
    /// </summary>
    [Theory]
    [InlineData(1.5, Method.Lp)]
    [InlineData(1.5, Method.Lewis)]
    [InlineData(2.0, Method.Svd)]
    public void What_a_block_allocates_does_not_grow_with_the_rows(double p, Method method)
    {
        Dictionary<StageKind, long> few = BytesOfABlock(2, p, method), many = BytesOfABlock(8, p, method);
        Assert.Equal(few.Keys.Order(), many.Keys.Order());
        foreach ((StageKind stage, long bytes) in many)
        {
            if (stage != StageKind.Factorise || method != Method.Lp)
                Assert.True(bytes < BlockRows * D * sizeof(float), $"{stage}: {bytes} bytes for a block");
            // What is sampled of a block falls with their number.
            Assert.True(bytes <= 1.05 * few[stage] + 4096, $"{stage}: {few[stage]} bytes for a block of two, {bytes} for one of eight");
        }
    }

    /// <summary>The most that a stage allocated for a block other than its first.</summary>
    private static Dictionary<StageKind, long> BytesOfABlock(int blocks, double p, Method method)
    {
        using var folder = new TemporaryFolder();
        var context = new StepContext(new FileBlobStore(folder.Path), 1, CancellationToken.None);
        using var source = new Waves(blocks * BlockRows);
        TensorPlan plan = Pipeline.Plan(new float[D], D, 40, p, method, Fit.Coreset) with { Rows = source.Rows, BlockRows = BlockRows };
        var most = new Dictionary<StageKind, long>();
        for (FitState state = FitPipeline.Begin(plan); !state.IsDone;)
        {
            var results = new BlockResult[plan.Partition.Count];
            for (int block = 0; block < results.Length; block++)
            {
                BlockTask task = FitPipeline.TaskFor(plan, state, block);
                long before = GC.GetAllocatedBytesForCurrentThread();
                results[block] = FitPipeline.RunBlock(task, source, $"{state.Stage}/{block}", context);
                if (block > 0)
                    most[state.Stage.Kind] = Math.Max(most.GetValueOrDefault(state.Stage.Kind), GC.GetAllocatedBytesForCurrentThread() - before);
            }
            state = FitPipeline.Reduce(plan, state, results, $"{state.Stage}/merged", context);
        }
        return most;
    }

    /// <summary>Rows made when they are read: a few waves, and noise from the bits of row and column.</summary>
    private sealed class Waves(long rows) : IMatrixSource
    {
        public string Name => "waves";

        public long Rows => rows;

        public int Columns => D;

        public void ReadRows(long firstRow, int count, Span<float> destination)
        {
            for (int i = 0; i < count; i++)
                for (int j = 0; j < D; j++)
                {
                    ulong bits = ((ulong)(firstRow + i) * D + (ulong)j + 1) * 0x9E3779B97F4A7C15;
                    bits = (bits ^ (bits >> 29)) * 0xBF58476D1CE4E5B9;
                    destination[i * D + j] = MathF.Sin((firstRow + i) * 0.37f + j) + (bits >> 40) * 1e-8f;
                }
        }

        public void Dispose()
        {
        }
    }
}
