using System.Security.Cryptography;
using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Tests.Formats;

namespace ClusterLp.Core.Tests.FactorModels;

/// <summary>A file's hash while blocks fill it: that of the file's beginning, or none.</summary>
public sealed class PlacedHashTests : IDisposable
{
    private const string Name = "t0/output";
    private const int HeadBytes = 4096, BlockBytes = 700_000, Blocks = 9;

    private readonly TemporaryFolder _folder = new();
    private readonly FileBlobStore _blobs;
    private readonly byte[] _file = new byte[HeadBytes + Blocks * BlockBytes];
    private readonly BlobRef[] _placed;

    public PlacedHashTests()
    {
        _blobs = new FileBlobStore(_folder["blobs"]);
        new Random(5).NextBytes(_file);
        _placed = [.. Enumerable.Range(0, Blocks).Select(block => _blobs.WriteAt(Name, Begin(block), _file.AsSpan(Begin(block), BlockBytes)))];
    }

    private byte[] Head => _file[..HeadBytes];

    private static int Begin(int block) => HeadBytes + block * BlockBytes;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_is_the_hash_of_the_files_beginning_whenever_it_is_taken_and_in_whatever_order_blocks_come()
    {
        var random = new Random(2);
        long longest = 0;
        // A longer pause each time: at last all is hashed.
        for (int pause = 0; longest < _file.Length; pause = 2 * pause + 1)
        {
            Assert.True(pause < 60_000, $"only {longest} bytes were hashed");
            var hash = new PlacedHash(_blobs, Head);
            int[] order = [.. Enumerable.Range(0, Blocks)];
            random.Shuffle(order);
            foreach (int block in order)
                hash.Add(block, _placed[block]);
            Thread.Sleep(pause);
            if (hash.Take(Head, _placed) is not { } taken)
                continue;
            Assert.Equal(0, (taken.Length - HeadBytes) % BlockBytes);
            Assert.Equal(SHA256.HashData(_file.AsSpan(0, (int)taken.Length)), taken.Hash.GetHashAndReset());
            longest = Math.Max(longest, taken.Length);
        }
    }

    [Fact]
    public void Blocks_that_do_not_follow_on_the_head_wait()
    {
        var hash = new PlacedHash(_blobs, Head);
        hash.Add(1, _placed[1]);
        hash.Add(2, _placed[2]);
        Assert.Null(hash.Take(Head, _placed));
    }

    [Fact]
    public void Another_head_or_other_blocks_than_those_hashed_have_no_hash()
    {
        byte[] otherHead = Head;
        otherHead[9] ^= 1;
        Assert.Null(Hashed().Take(otherHead, _placed));
        Assert.Null(Hashed().Take(Head, [.. _placed.Reverse()]));
        Assert.Null(Hashed().Take(Head, []));
        Assert.NotNull(Hashed().Take(Head, _placed));
    }

    [Fact]
    public void A_damaged_block_has_none()
    {
        using (FileStream file = File.Open(_blobs.Resolve(Name)!, FileMode.Open))
        {
            file.Position = Begin(1) - 1;
            file.WriteByte((byte)(_file[Begin(1) - 1] ^ 4));
        }
        Assert.Null(Hashed().Take(Head, _placed));
    }

    // With the first block behind it, or the attempt at it.
    private PlacedHash Hashed()
    {
        var hash = new PlacedHash(_blobs, Head);
        hash.Add(0, _placed[0]);
        Assert.True(SpinWait.SpinUntil(() => !hash.IsWorking, TimeSpan.FromSeconds(60)));
        return hash;
    }
}
