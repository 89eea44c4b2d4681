using System.IO.Hashing;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.Tests.Jobs.Blobs;

/// <summary>What a folder of blobs refuses; what every store does is in the contract that both stores are tested by.</summary>
public sealed class FileBlobStoreTests : IDisposable
{
    private static readonly byte[] Content = [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i * 7))];

    private readonly string _folder = Directory.CreateTempSubdirectory("clusterlp-blobs-").FullName;
    private readonly FileBlobStore _store;

    public FileBlobStoreTests() => _store = new FileBlobStore(Path.Combine(_folder, "blobs"));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_blob_is_read_back_by_a_reference_that_says_its_length_and_hash()
    {
        BlobRef blob = Write("t0/scan/00000.1.1");
        Assert.Equal(new BlobRef("file:t0/scan/00000.1.1", Content.Length, Convert.ToHexStringLower(XxHash128.Hash(Content))), blob);
        Assert.Equal(Content, Read(blob));
    }

    [Fact]
    public void Another_mount_of_the_same_folder_reads_it_too()
    {
        BlobRef blob = Write("a");
        string elsewhere = Path.Combine(_folder, "mount");
        Directory.CreateSymbolicLink(elsewhere, _store.Root);
        using Stream stream = new FileBlobStore(elsewhere).OpenRead(blob);
        Assert.Equal(Content, All(stream));
    }

    [Fact]
    public void Blobs_of_one_file_are_read_each_by_itself_in_whatever_order_they_came()
    {
        BlobRef last = _store.WriteAt("t0/one", 200_000, Content), first = _store.WriteAt("t0/one", 100_000, [.. Content.Reverse()]);
        Assert.Equal(("file:t0/one@200000", Content.Length, Convert.ToHexStringLower(XxHash128.Hash(Content))), (last.Uri, last.Length, last.Checksum));
        Assert.Equal(300_000, new FileInfo(Path.Combine(_store.Root, "t0/one")).Length);
        Assert.Equal(Content, Read(last));
        Assert.Equal(Content.Reverse(), Read(first));
        byte[]? room = null;
        Assert.Equal(Content.Reverse(), _store.ReadBytes(first, ref room).ToArray());
        // A place that is written again holds what came last.
        BlobRef again = _store.WriteAt("t0/one", 100_000, Content);
        Assert.Equal(Content, Read(again));
        Assert.Throws<BlobCorruptException>(() => Read(first));
    }

    [Fact]
    public void A_blob_of_a_shared_file_is_missed_when_cut_and_stays_with_the_others_when_deleted()
    {
        (BlobRef first, BlobRef last) = (_store.WriteAt("t0/one", 0, Content), _store.WriteAt("t0/one", Content.Length, Content));
        BlobRef other = Write("t0/other");
        _store.Delete(first);
        _store.RetainOnly([last]);
        Assert.Equal(Content, Read(first));
        Assert.Throws<BlobCorruptException>(() => _store.OpenRead(other));
        using (FileStream file = File.OpenWrite(Path.Combine(_store.Root, "t0/one")))
            file.SetLength(Content.Length + 5);
        Assert.Equal(Content, Read(first));
        Assert.Contains($"has 5 bytes instead of {Content.Length}", Assert.Throws<BlobCorruptException>(() => _store.OpenRead(last)).Message);
        _store.RetainOnly([]);
        Assert.Throws<BlobCorruptException>(() => _store.OpenRead(first));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/etc/passwd")]
    [InlineData("../outside")]
    [InlineData("t0/../../outside")]
    [InlineData("t0//scan")]
    [InlineData("./a")]
    [InlineData("t0\\..\\a")]
    [InlineData("a\0b")]
    public void A_name_outside_the_store_is_neither_written_nor_read_nor_deleted(string name)
    {
        string outside = Path.Combine(_folder, "outside");
        File.WriteAllBytes(outside, Content);
        BlobRef forged = Write("inside") with { Uri = "file:" + name };
        Assert.Throws<ArgumentException>(() => _store.Write(name, stream => stream.Write(Content)));
        Assert.Equal(forged, Assert.Throws<BlobCorruptException>(() => _store.OpenRead(forged)).Blob);
        _store.Delete(forged);
        Assert.Equal(Content, File.ReadAllBytes(outside));
    }

    [Theory]
    [InlineData("http://127.0.0.1/a")]
    [InlineData("a")]
    public void An_address_of_another_kind_is_refused(string uri) =>
        Assert.Throws<BlobCorruptException>(() => _store.OpenRead(Write("a") with { Uri = uri }));

    [Fact]
    public void A_missing_blob_is_named()
    {
        BlobRef blob = Write("t0/scan/00003.1.1");
        _store.Delete(blob);
        var missing = Assert.Throws<BlobCorruptException>(() => _store.OpenRead(blob));
        Assert.Contains("t0/scan/00003.1.1", missing.Message);
        Assert.Equal(ExitCode.Resumable, missing.Code);
    }

    [Fact]
    public void A_write_that_fails_leaves_nothing_behind()
    {
        Assert.Throws<InvalidOperationException>(() => _store.Write("t0/a", stream =>
        {
            stream.Write(Content);
            throw new InvalidOperationException("half way");
        }));
        Assert.Empty(Directory.GetFiles(_store.Root, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void A_store_that_cannot_be_written_says_where_and_exits_73()
    {
        string file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "not a folder");
        var refused = Assert.Throws<ClusterLpException>(() => new FileBlobStore(file).Write("t0/a", stream => stream.Write(Content)));
        Assert.Equal(ExitCode.CannotWrite, refused.Code);
        Assert.Contains(file, refused.Message);
    }

    private BlobRef Write(string name) => _store.Write(name, stream => stream.Write(Content));

    private byte[] Read(BlobRef blob)
    {
        using Stream stream = _store.OpenRead(blob);
        return All(stream);
    }

    private static byte[] All(Stream stream)
    {
        var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
