using System.Text;

namespace ClusterLp.Core.Tests.Formats;

/// <summary>Small safetensors models: a matrix to compress among tensors to leave alone.</summary>
internal static class SampleModels
{
    public const int Rows = 90, Columns = 12;

    public static float[] Matrix(int seed = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Rows * Columns).Select(_ => (float)(random.NextDouble() - 0.5))];
    }

    /// <summary>A file of the tensors given: name, dtype, shape, bytes.</summary>
    public static byte[] File(params (string Name, string Dtype, string Shape, byte[] Data)[] tensors)
    {
        var header = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\",\"note\":\"caf\u00e9\"}");
        long offset = 0;
        foreach ((string name, string dtype, string shape, byte[] data) in tensors)
        {
            header.Append($",\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":[{offset},{offset + data.Length}]}}");
            offset += data.Length;
        }
        return Craft.Safetensors(header.Append('}').ToString(), [.. tensors.Select(tensor => tensor.Data)]);
    }

    public static (string, string, string, byte[]) Embedding(string name = "emb.weight", int seed = 1) =>
        (name, "F32", $"[{Rows},{Columns}]", Craft.Bytes(Matrix(seed)));

    public static (string, string, string, byte[]) Bias => ("bias", "F32", "[3]", Craft.Bytes(1f, 2f, 3f));

    // An odd number of bytes: what follows it is unaligned unless the writer orders tensors by width.
    public static (string, string, string, byte[]) Mask => ("mask", "BOOL", "[5]", [1, 0, 1, 1, 0]);
}
