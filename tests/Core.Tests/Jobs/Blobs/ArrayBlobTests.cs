using ClusterLp.Core.Jobs.Blobs;
using CsCheck;

namespace ClusterLp.Core.Tests.Jobs.Blobs;

public class ArrayBlobTests
{
    private static byte[] Written(ArrayBlob blob)
    {
        var stream = new MemoryStream();
        blob.WriteTo(stream);
        return stream.ToArray();
    }

    [Fact]
    public void Any_arrays_come_back_as_they_were() =>
        Gen.Select(Gen.Select(Gen.String, Gen.Double.Array[0, 40]).Array[0, 5], Gen.Float.Array[0, 40]).Sample((doubles, floats) =>
        {
            // Names as any text; what differs only in half surrogate pairs is written alike, so a number keeps them apart.
            string[] names = [.. doubles.Select((pair, i) => $"{i}{new string([.. pair.Item1.Where(c => !char.IsSurrogate(c))])}")];
            ArrayBlob blob = new ArrayBlob().Add("floats", floats, floats.Length, 1);
            for (int i = 0; i < names.Length; i++)
                blob.Add(names[i], doubles[i].Item2, doubles[i].Item2.Length);
            byte[] bytes = Written(blob);
            ArrayBlob read = ArrayBlob.ReadFrom(new MemoryStream(bytes), bytes.Length);
            Assert.Equal(["floats", .. names], read.Names);
            Assert.Equal([floats.Length, 1L], read.Shape("floats"));
            foreach (string name in blob.Names)
                Assert.Equal(blob.Bytes(name).ToArray(), read.Bytes(name).ToArray());
            Assert.Equal(bytes, Written(read));
        }, iter: 300);
}
