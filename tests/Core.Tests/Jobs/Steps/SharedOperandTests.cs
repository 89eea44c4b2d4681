using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.Jobs.Steps;

[Collection(Alone.Name)]
public class SharedOperandTests
{
    private const int D = 12;

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 0)]
    public void The_blocks_of_a_stage_read_the_basis_once_and_beside_its_reduction_not_at_all(bool embedded, int reads)
    {
        (TensorPlan plan, FitState scanned, CountingStore store, ArrayMatrixSource source) = Scanned(embedded ? 3 : 1, embedded);
        using (source)
        {
            int read = store.Reads;
            for (int block = 0; block < plan.Partition.Count; block++)
                FitPipeline.RunBlock(FitPipeline.TaskFor(plan, scanned, block), source, $"factorise/{block}", store.Context);
            Assert.Equal(5, plan.Partition.Count);
            Assert.Equal(reads, store.Reads - read);
        }
    }

    [Fact]
    public void A_basis_in_memory_is_not_taken_for_another_job_s_of_the_same_name()
    {
        (TensorPlan plan, FitState first, CountingStore store, ArrayMatrixSource source) = Scanned(1);
        (_, FitState second, CountingStore otherStore, ArrayMatrixSource other) = Scanned(2);
        using (source)
        using (other)
        {
            Assert.Equal(first.SvdBasis!.Uri, second.SvdBasis!.Uri);
            BlockResult mine = FitPipeline.RunBlock(FitPipeline.TaskFor(plan, first, 0), source, "u", store.Context);
            BlockResult its = FitPipeline.RunBlock(FitPipeline.TaskFor(plan, second, 0), other, "u", otherStore.Context);
            BlockResult again = FitPipeline.RunBlock(FitPipeline.TaskFor(plan, first, 0), source, "u", store.Context);
            Assert.Equal(mine, again);
            Assert.NotEqual(mine.Blob.Checksum, its.Blob.Checksum);
        }
    }

    [Fact]
    public void Of_large_operands_that_every_round_replaces_only_the_latest_are_held()
    {
        int made = 0;
        BlobRef[] rounds = [.. Enumerable.Range(0, 3).Select(round => new BlobRef($"round-{round}", 1, $"{Guid.NewGuid()}"))];
        var other = new BlobRef("other", 1, $"{Guid.NewGuid()}");
        object Large(int round) => SharedOperands.Get(rounds[round], "large", () => $"{made++}", most: 2);
        object Other() => SharedOperands.Get(other, "small", () => $"{made++}");
        Other();
        Large(0);
        Large(1);
        Large(0);
        Assert.Equal(3, made);
        // The one used longest ago goes, and only of this use.
        Large(2);
        Large(0);
        Other();
        Assert.Equal(4, made);
        Large(1);
        Assert.Equal(5, made);
    }

    private static (TensorPlan, FitState, CountingStore, ArrayMatrixSource) Scanned(int seed, bool embedded = false)
    {
        var random = new Random(seed);
        float[] matrix = [.. Enumerable.Range(0, 60 * D).Select(_ => random.NextSingle() - 0.5f)];
        TensorPlan plan = Pipeline.Plan(matrix, D, 5, method: Method.Svd);
        var store = new CountingStore(embedded);
        var source = new ArrayMatrixSource(matrix, D);
        FitState state = FitPipeline.Begin(plan);
        BlockResult[] scans = [.. Enumerable.Range(0, plan.Partition.Count)
            .Select(block => FitPipeline.RunBlock(FitPipeline.TaskFor(plan, state, block), source, $"scan/{block}", store.Context))];
        return (plan, FitPipeline.Reduce(plan, state, scans, "scan/merged", store.Context), store, source);
    }

    private sealed class CountingStore : IBlobStore
    {
        private readonly MemoryBlobStore _store = new();

        public CountingStore(bool embedded) => Context = new StepContext(this, 1, CancellationToken.None) { Embedded = embedded };

        public StepContext Context { get; }

        public int Reads { get; private set; }

        public BlobRef Write(string name, Action<Stream> content) => _store.Write(name, content);

        public Stream OpenRead(BlobRef blob)
        {
            Reads++;
            return _store.OpenRead(blob);
        }

        public void Delete(BlobRef blob) => _store.Delete(blob);
    }
}
