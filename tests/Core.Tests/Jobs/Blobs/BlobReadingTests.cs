using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.Tests.Formats;

namespace ClusterLp.Core.Tests.Jobs.Blobs;

public sealed class BlobReadingTests
{
    /// <summary>Blobs of any length, one after the other in the same memory: the last one read is what was written.</summary>
    [Fact]
    public void Blobs_read_into_one_room_are_what_was_written()
    {
        using var folder = new TemporaryFolder();
        var store = new FileBlobStore(folder.Path);
        byte[]? room = null;
        foreach (int length in new[] { 5, 200_000, 3, 200_000, 0 })
        {
            double[] values = [.. Enumerable.Range(length, length).Select(i => i / 3.0)];
            BlobRef blob = store.Write($"of-{length}", new ArrayBlob().Add("values", values, length).WriteTo);
            byte[]? before = room;
            Assert.Equal(values, store.ReadArrays(blob, ref room).Get<double>("values"));
            if (before?.Length >= blob.Length)
                Assert.Same(before, room);
        }
    }

    [Fact]
    public void An_altered_blob_is_found_in_a_room_too()
    {
        using var folder = new TemporaryFolder();
        var store = new FileBlobStore(folder.Path);
        BlobRef blob = store.Write("altered", new ArrayBlob().Add("values", new double[100_000], 100_000).WriteTo);
        byte[] bytes = File.ReadAllBytes(folder["altered"]);
        bytes[^1] ^= 1;
        File.WriteAllBytes(folder["altered"], bytes);
        byte[]? room = null;
        Assert.Throws<BlobCorruptException>(() => store.ReadArrays(blob, ref room));
    }
}
