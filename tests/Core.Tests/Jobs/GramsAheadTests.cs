using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Tests.Formats;

namespace ClusterLp.Core.Tests.Jobs;

/// <summary>Gram matrices added up before their stage is done: the reduction's own sum to the last bit, or nothing.</summary>
public sealed class GramsAheadTests
{
    private const int D = 5, Blocks = 12;

    private static readonly StageId Stage = new(StageKind.Refine, 3);
    private static readonly string[] Collected = ["residuals"];

    private readonly MemoryBlobs _memory = new();
    private readonly CountingBlobs _blobs;
    private readonly BlobRef[] _all;

    public GramsAheadTests()
    {
        _blobs = new CountingBlobs(_memory);
        var random = new Random(4);
        // Of different magnitudes: another order would give another sum.
        _all = [.. Enumerable.Range(0, Blocks).Select(block => Write($"b{block}", random))];
    }

    private BlobRef Write(string name, Random random)
    {
        double[] gram = [.. Enumerable.Range(0, PackedTriangle.Length(D)).Select(_ => Math.Pow(10, 12 * random.NextDouble()))];
        double[] residuals = [.. Enumerable.Range(0, random.Next(4)).Select(_ => random.NextDouble())];
        return _memory.Write(name, new ArrayBlob().Add("gram", gram, gram.Length).Add("residuals", residuals, residuals.Length).WriteTo);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(Blocks)]
    public void A_reduction_reads_the_blobs_that_were_not_added_ahead_and_finds_the_same(int known)
    {
        GramSum expected = Reduce(null, _all);
        Assert.Equal(Blocks, _blobs.Read);
        var ahead = new GramsAhead();
        int[] order = [.. Enumerable.Range(0, known)];
        new Random(known).Shuffle(order);
        foreach (int block in order)
            ahead.Add(0, Stage, Collected, block, _all[block], Context());
        Assert.Equal(Blocks + known, _blobs.Read);
        GramSum sum = Reduce(ahead, _all);
        Assert.Equal(2 * Blocks, _blobs.Read);
        Assert.Equal(expected.Packed, sum.Packed);
        Assert.Equal(expected.All<double>("residuals"), sum.All<double>("residuals"));
    }

    [Fact]
    public void What_was_only_remembered_is_read_with_the_next()
    {
        var ahead = new GramsAhead();
        ahead.Add(0, Stage, Collected, 0, _all[0], null);
        Assert.Equal(0, _blobs.Read);
        ahead.Add(0, Stage, Collected, 1, _all[1], Context());
        Assert.Equal(2, _blobs.Read);
    }

    [Fact]
    public void Blobs_that_another_attempt_replaced_do_not_count()
    {
        GramSum expected = Reduce(null, _all);
        var ahead = new GramsAhead();
        BlobRef other = Write("other", new Random(9));
        for (int block = 0; block < 3; block++)
            ahead.Add(0, Stage, Collected, block, block == 1 ? other : _all[block], Context());
        Assert.Equal(expected.Packed, Reduce(ahead, _all).Packed);
    }

    [Fact]
    public void A_damaged_blob_is_left_to_the_reduction()
    {
        BlobRef[] blobs = [.. _all];
        blobs[2] = blobs[2] with { Checksum = _all[3].Checksum };
        var ahead = new GramsAhead();
        for (int block = 0; block < Blocks; block++)
            ahead.Add(0, Stage, Collected, block, blobs[block], Context());
        Assert.Equal(blobs[2], Assert.Throws<BlobCorruptException>(() => Reduce(ahead, blobs)).Blob);
    }

    [Fact]
    public void Sums_are_kept_of_two_stages_and_none_of_one_that_is_over()
    {
        var ahead = new GramsAhead();
        for (int tensor = 0; tensor < 3; tensor++)
            ahead.Add(tensor, Stage, Collected, 0, _all[tensor], Context());
        Assert.Null(ahead.Take([_all[0]]));
        Assert.NotNull(ahead.Take([_all[1]]));
        ahead.Forget(2, Stage);
        Assert.Null(ahead.Take([_all[2]]));
    }

    private GramSum Reduce(GramsAhead? ahead, BlobRef[] blobs) =>
        StepData.SumGrams(Context() with { Ahead = ahead }, blobs, D, Collected);

    private StepContext Context() => new(_blobs, 2, CancellationToken.None);

    private sealed class CountingBlobs(IBlobStore inner) : IBlobStore
    {
        private int _read;

        public int Read => _read;

        public BlobRef Write(string name, Action<Stream> content) => inner.Write(name, content);

        public Stream OpenRead(BlobRef blob)
        {
            Interlocked.Increment(ref _read);
            return new VerifiedStream(inner.OpenRead(blob), blob);
        }

        public void Delete(BlobRef blob) => inner.Delete(blob);
    }
}
