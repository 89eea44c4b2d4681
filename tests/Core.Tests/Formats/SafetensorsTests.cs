using ClusterLp.Core.Formats;

namespace ClusterLp.Core.Tests.Formats;

public class SafetensorsTests
{
    [Theory]
    [InlineData("F32")]
    [InlineData("F64")]
    [InlineData("F16")]
    [InlineData("BF16")]
    public void Matrices_of_every_floating_type_are_read(string dtype)
    {
        // Exact in all four types.
        float[] values = [1, -2, 0.5f, 96, -0.125f, 0];
        byte[] data = dtype switch
        {
            "F32" => Craft.Bytes(values),
            "F64" => Craft.Bytes(Array.ConvertAll(values, v => (double)v)),
            "F16" => Craft.Bytes(Array.ConvertAll(values, v => (Half)v)),
            _ => Craft.Bytes(Array.ConvertAll(values, v => (ushort)(BitConverter.SingleToUInt32Bits(v) >> 16))),
        };
        using var folder = new TemporaryFolder();
        string path = folder.Write("m.safetensors", Craft.Safetensors(
            $"{{\"__metadata__\":{{\"format\":\"pt\"}},\"e.weight\":{{\"dtype\":\"{dtype}\",\"shape\":[2,3],\"data_offsets\":[0,{data.Length}]}}}}  ", data));
        Assert.Equal(values, Reading.AllRows(path));
        // The same bytes under a name that says nothing.
        Assert.Equal(values, Reading.AllRows(folder.Write("blob", File.ReadAllBytes(path))));
    }

    [Fact]
    public void Empty_tensors_and_scalars_may_stand_beside_matrices()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("m.safetensors", Craft.Safetensors(
            "{\"none\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[4,4]},\"one\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
            + "\"m\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[4,8]}}", Craft.Bytes(3f, 4f)));
        using IModel model = ModelFiles.Open(path);
        Assert.Equal(["none", "one", "m"], model.Tensors.Select(tensor => tensor.Name));
        Assert.Equal("m", Assert.Single(model.Tensors, tensor => tensor.IsMatrix).Name);
        using IMatrixSource matrix = model.OpenMatrix("m");
        Assert.Equal([4f], Reading.AllRows(matrix));
    }

    [Fact]
    public void Shards_behind_an_index_are_one_model()
    {
        using var folder = new TemporaryFolder();
        static byte[] Shard(string name, params float[] row) =>
            Craft.Safetensors($"{{\"{name}\":{{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}}}}", Craft.Bytes(row));
        string second = folder.Write("sub/2.safetensors", Shard("b", 3, 4)), first = folder.Write("1.safetensors", Shard("a", 1, 2));
        string index = folder.Write("model.safetensors.index.json",
            "{\"metadata\":{\"total_size\":16},\"weight_map\":{\"b\":\"sub/2.safetensors\",\"a\":\"1.safetensors\"}}"u8.ToArray());
        foreach (string path in new[] { index, folder.Path })
        {
            using IModel model = ModelFiles.Open(path);
            Assert.Equal([index, first, second], model.Files);
            Assert.Equal(["a", "b"], model.Tensors.Select(tensor => tensor.Name));
            using IMatrixSource matrix = model.OpenMatrix("b");
            Assert.Equal([3f, 4f], Reading.AllRows(matrix));
        }
    }
}
