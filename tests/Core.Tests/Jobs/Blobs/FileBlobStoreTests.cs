using System.Security.Cryptography;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.Tests.Jobs.Blobs;

/// <summary>What a blob store refuses to write, to open and to believe.</summary>
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
        Assert.Equal(new BlobRef("file:t0/scan/00000.1.1", Content.Length, Convert.ToHexStringLower(SHA256.HashData(Content))), blob);
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

    [Theory]
    [InlineData(0)]
    [InlineData(99_999)]
    [InlineData(100_001)]
    public void A_blob_of_another_length_is_refused_when_opened(int length)
    {
        BlobRef blob = Write("a");
        byte[] other = Content;
        Array.Resize(ref other, length);
        File.WriteAllBytes(PathOf("a"), other);
        Assert.Contains(length.ToString(), Assert.Throws<BlobCorruptException>(() => _store.OpenRead(blob)).Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(50_000)]
    [InlineData(99_999)]
    public void One_altered_byte_is_found_when_the_blob_is_read_through(int position)
    {
        BlobRef blob = Write("a");
        byte[] altered = [.. Content];
        altered[position] ^= 1;
        File.WriteAllBytes(PathOf("a"), altered);
        Assert.Contains("SHA-256", Assert.Throws<BlobCorruptException>(() => Read(blob)).Message);
    }

    [Fact]
    public void A_blob_truncated_while_it_is_read_is_refused()
    {
        BlobRef blob = Write("a");
        using Stream stream = _store.OpenRead(blob);
        stream.ReadExactly(new byte[10]);
        using (FileStream file = File.Open(PathOf("a"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete))
            file.SetLength(1000);
        // What was buffered before the cut may still come; the end may not.
        Assert.Throws<BlobCorruptException>(() => All(stream));
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

    private string PathOf(string name) => Path.Combine(_store.Root, name);

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
