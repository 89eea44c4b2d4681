using System.IO.Hashing;
using ClusterLp.Core;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Cluster.Tests.Storage;

/// <summary>What every blob store must do, whatever lies between it and the folder the blobs end in.</summary>
public abstract class BlobStoreContract : IDisposable
{
    private protected const string Name = "t0/scan/00000.1.1";

    // More than two parts of an upload, and no multiple of anything.
    private protected static readonly byte[] Content = [.. Enumerable.Range(0, 9_000_001).Select(i => (byte)(i * 7 ^ i >> 11))];

    private protected string Folder { get; } = Directory.CreateTempSubdirectory("clusterlp-store-").FullName;

    /// <summary>A store whose blobs end in this folder.</summary>
    private protected abstract IBlobStore StoreAt(string root);

    public virtual void Dispose() => Directory.Delete(Folder, recursive: true);

    [Fact]
    public void A_blob_is_read_back_by_a_reference_that_does_not_depend_on_the_store()
    {
        IBlobStore store = StoreAt(Folder);
        BlobRef blob = Write(store);
        Assert.Equal(new BlobRef("file:" + Name, Content.Length, Convert.ToHexStringLower(XxHash128.Hash(Content))), blob);
        Assert.Equal(Content, Read(store, blob));
        Assert.Equal(Content, Read(Elsewhere(), blob));
        Assert.Equal([Name], Names());
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
    public void A_name_outside_the_store_is_neither_written_nor_read(string name)
    {
        IBlobStore store = StoreAt(Folder);
        BlobRef forged = Write(store) with { Uri = "file:" + name };
        Assert.Throws<ArgumentException>(() => store.Write(name, stream => stream.Write(Content)));
        Assert.Throws<BlobCorruptException>(() => store.OpenRead(forged));
        Assert.Throws<BlobCorruptException>(() => store.OpenRead(forged with { Uri = "http://127.0.0.1/a" }));
    }

    [Fact]
    public void A_missing_blob_is_named()
    {
        IBlobStore store = StoreAt(Folder);
        BlobRef blob = Write(store);
        Remove(Name);
        Assert.Contains(Name, Assert.Throws<BlobCorruptException>(() => store.OpenRead(blob)).Message);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8_999_999)]
    [InlineData(9_000_002)]
    public void A_blob_of_another_length_is_refused_when_opened(int length)
    {
        IBlobStore store = StoreAt(Folder);
        BlobRef blob = Write(store);
        byte[] other = Content;
        Array.Resize(ref other, length);
        Replace(Name, other);
        Assert.Contains($"has {length} bytes", Assert.Throws<BlobCorruptException>(() => store.OpenRead(blob)).Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5_000_000)]
    [InlineData(9_000_000)]
    public void One_flipped_bit_is_found_when_the_blob_is_read_through(int position)
    {
        IBlobStore store = StoreAt(Folder);
        BlobRef blob = Write(store);
        byte[] altered = [.. Content];
        altered[position] ^= 0x10;
        Replace(Name, altered);
        Assert.Contains("checksum", Assert.Throws<BlobCorruptException>(() => Read(store, blob)).Message);
    }

    [Fact]
    public void A_blob_truncated_while_it_is_read_does_not_pass()
    {
        IBlobStore store = StoreAt(Folder);
        BlobRef blob = Write(store);
        using IDisposable held = HoldReadingAhead();
        using Stream stream = store.OpenRead(blob);
        stream.ReadExactly(new byte[10]);
        Truncate(Name, 1000);
        held.Dispose();
        Assert.Throws<BlobCorruptException>(() => All(stream));
    }

    [Fact]
    public void Writers_of_one_name_at_once_leave_one_whole_blob()
    {
        IBlobStore store = StoreAt(Folder);
        byte[][] contents = [.. Enumerable.Range(1, 4).Select(writer => Content.Select(b => (byte)(b ^ writer)).ToArray())];
        var blobs = new BlobRef[contents.Length];
        Parallel.For(0, contents.Length, i => blobs[i] = store.Write(Name, stream => stream.Write(contents[i])));
        byte[] left = Raw(Name)!;
        int winner = Array.FindIndex(contents, content => content.AsSpan().SequenceEqual(left));
        Assert.True(winner >= 0);
        Assert.Equal(left, Read(store, blobs[winner]));
        foreach (BlobRef loser in blobs.Where((_, i) => i != winner))
            Assert.Throws<BlobCorruptException>(() => Read(store, loser));
    }

    [Fact]
    public void A_write_that_fails_half_way_gives_no_blob()
    {
        IBlobStore store = StoreAt(Folder);
        Assert.Throws<InvalidOperationException>(() => store.Write(Name, stream =>
        {
            stream.Write(Content);
            throw new InvalidOperationException("half way");
        }));
        Assert.Null(Raw(Name));
        CloseStores();
        Assert.Empty(Names());
    }

    [SmallDiskFact]
    public virtual void A_full_disk_is_named_and_ends_with_73()
    {
        using var disk = new SmallDisk(kib: 1024);
        string root = Path.Combine(disk.Folder, "blobs");
        IBlobStore store = StoreAt(root);
        var full = Assert.Throws<ClusterLpException>(() => Write(store));
        Assert.Equal(ExitCode.CannotWrite, full.Code);
        Assert.Contains(root, full.Message);
        Assert.Contains("same command again", full.Message);
        Assert.False(File.Exists(Path.Combine(root, Name)));
        CloseStores();
        Assert.Empty(Directory.GetFiles(root, "*", SearchOption.AllDirectories));
    }

    /// <summary>Ends whatever keeps files of a store open.</summary>
    private protected virtual void CloseStores()
    {
    }

    private protected string PathOf(string name) => Path.Combine(Folder, name);

    /// <summary>Another store of the same blobs.</summary>
    private protected virtual IBlobStore Elsewhere() => new FileBlobStore(Folder);

    /// <summary>What lies where the blobs end, complete or not.</summary>
    private protected virtual IEnumerable<string> Names() =>
        Directory.GetFiles(Folder, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(Folder, path));

    /// <summary>A blob's bytes past the store, or null; the following change them past it.</summary>
    private protected virtual byte[]? Raw(string name) => File.Exists(PathOf(name)) ? File.ReadAllBytes(PathOf(name)) : null;

    private protected virtual void Replace(string name, byte[] bytes) => File.WriteAllBytes(PathOf(name), bytes);

    private protected virtual void Remove(string name) => File.Delete(PathOf(name));

    private protected virtual void Truncate(string name, long length)
    {
        using FileStream file = File.Open(PathOf(name), FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        file.SetLength(length);
    }

    /// <summary>Until disposed, only the beginning of a blob is read, where a store would read ahead.</summary>
    private protected virtual IDisposable HoldReadingAhead() => Stream.Null;

    private protected static BlobRef Write(IBlobStore store) => store.Write(Name, stream => stream.Write(Content));

    private protected static byte[] Read(IBlobStore store, BlobRef blob)
    {
        using Stream stream = store.OpenRead(blob);
        return All(stream);
    }

    private protected static byte[] All(Stream stream)
    {
        var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}

public sealed class FileBlobStoreContractTests : BlobStoreContract
{
    private protected override IBlobStore StoreAt(string root) => new FileBlobStore(root);
}
