using System.Runtime.InteropServices;
using System.Text;

namespace ClusterLp.Models;

/// <summary>A generated model directory in the shape of a small decoder: two shards and their index, config, tokenizer.</summary>
/// <remarks>
/// Every matrix is a sum of directions that fall off at a rate of its own, plus noise with outliers, so that their best ranks
/// differ. The LM head is the embedding, stored again in the other shard; mlp.down is wide; norms are vectors.
/// </remarks>
internal static class TransformerModel
{
    public const int Vocabulary = 700, Hidden = 32, Inner = 96, Layers = 2;

    public const string Embedding = "model.embed_tokens.weight", Head = "lm_head.weight", Positions = "model.positions.weight";

    public static readonly string[] Shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];

    /// <summary>The files beside the model, and what they hold.</summary>
    public static readonly IReadOnlyDictionary<string, byte[]> Others = new Dictionary<string, byte[]>
    {
        ["config.json"] = Encoding.UTF8.GetBytes("{\r\n  \"model_type\": \"tiny\",  \"tie_word_embeddings\": true,\n \"hidden_size\": 32 }\n"),
        ["tokenizer.json"] = Encoding.UTF8.GetBytes("{\"vocab\": {\"caf\u00e9\": 0}}"),
        ["README.md"] = "# tiny\n"u8.ToArray(),
        ["assets/merges.bin"] = [0, 255, 13, 10, 0, 1],
        ["empty.txt"] = [],
    };

    /// <summary>Name, element type, shape and shard of every tensor.</summary>
    public static IEnumerable<(string Name, string Type, int[] Shape, int Shard)> Tensors()
    {
        yield return (Embedding, "F16", [Vocabulary, Hidden], 0);
        yield return (Positions, "F32", [128, Hidden], 0);
        for (int layer = 0; layer < Layers; layer++)
        {
            string x = $"model.layers.{layer}.";
            foreach (string projection in new[] { "q", "k", "v", "o" })
                yield return ($"{x}self_attn.{projection}_proj.weight", "BF16", [Hidden, Hidden], layer);
            yield return ($"{x}mlp.up_proj.weight", "BF16", [Inner, Hidden], layer);
            yield return ($"{x}mlp.down_proj.weight", "BF16", [Hidden, Inner], layer);
            yield return ($"{x}norm.weight", "F32", [Hidden], layer);
        }
        yield return (Head, "F16", [Vocabulary, Hidden], 1);
    }

    /// <summary>Writes the directory.</summary>
    /// <param name="folder">Created.</param>
    /// <param name="tied">Whether the LM head is the embedding.</param>
    public static string Write(string folder, bool tied = true)
    {
        Directory.CreateDirectory(Path.Combine(folder, "assets"));
        Directory.CreateDirectory(Path.Combine(folder, ".cache"));
        File.WriteAllText(Path.Combine(folder, ".cache", "lock"), "");
        foreach ((string name, byte[] bytes) in Others)
            File.WriteAllBytes(Path.Combine(folder, name), bytes);
        var tensors = Tensors().Select((tensor, i) => (tensor.Name, tensor.Type, tensor.Shape, tensor.Shard,
            Bytes: Bytes(tensor.Type, Values(tensor.Shape, tied && tensor.Name == Head ? 0 : i)))).ToArray();
        for (int shard = 0; shard < Shards.Length; shard++)
            WriteShard(Path.Combine(folder, Shards[shard]), tensors.Where(tensor => tensor.Shard == shard).Select(tensor => (tensor.Name, tensor.Type, tensor.Shape, tensor.Bytes)));
        string map = string.Join(",\n", tensors.Select(tensor => $"\"{tensor.Name}\": \"{Shards[tensor.Shard]}\""));
        File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"),
            "{\"metadata\": {\"total_size\": " + tensors.Sum(tensor => tensor.Bytes.Length) + "}, \"weight_map\": {\n" + map + "}}\n");
        return folder;
    }

    /// <summary>Name to element type, shape and bytes of a safetensors file, read without the program.</summary>
    public static Dictionary<string, (string Type, int[] Shape, byte[] Bytes)> Read(string path)
    {
        byte[] all = File.ReadAllBytes(path);
        int start = 8 + (int)BitConverter.ToInt64(all);
        using var header = System.Text.Json.JsonDocument.Parse(all.AsMemory(8, start - 8));
        return header.RootElement.EnumerateObject().Where(tensor => tensor.Name != "__metadata__").ToDictionary(tensor => tensor.Name, tensor =>
        {
            int[] offsets = [.. tensor.Value.GetProperty("data_offsets").EnumerateArray().Select(x => x.GetInt32())];
            return (tensor.Value.GetProperty("dtype").GetString()!, tensor.Value.GetProperty("shape").EnumerateArray().Select(x => x.GetInt32()).ToArray(),
                all[(start + offsets[0])..(start + offsets[1])]);
        });
    }

    /// <summary>The tensors of all shards.</summary>
    public static Dictionary<string, (string Type, int[] Shape, byte[] Bytes)> ReadAll(string folder) =>
        Shards.SelectMany(shard => Read(Path.Combine(folder, shard))).ToDictionary(tensor => tensor.Key, tensor => tensor.Value);

    /// <summary>Numbers of a tensor's bytes.</summary>
    public static double[] Numbers((string Type, int[] Shape, byte[] Bytes) tensor) => tensor.Type switch
    {
        "F32" => [.. MemoryMarshal.Cast<byte, float>(tensor.Bytes).ToArray().Select(x => (double)x)],
        "F16" => [.. MemoryMarshal.Cast<byte, Half>(tensor.Bytes).ToArray().Select(x => (double)x)],
        _ => [.. MemoryMarshal.Cast<byte, ushort>(tensor.Bytes).ToArray().Select(x => (double)BitConverter.UInt32BitsToSingle((uint)x << 16))],
    };

    private static float[] Values(int[] shape, int seed)
    {
        var random = new Random(1000 + seed);
        if (shape.Length == 1)
            return [.. Enumerable.Range(0, shape[0]).Select(_ => 1 + (float)random.NextDouble() / 10)];
        (int n, int d) = (shape[0], shape[1]);
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        int directions = Math.Min(n, d);
        double rate = 0.70 + 0.04 * (seed % 7);
        double[] left = [.. Enumerable.Range(0, n * directions).Select(_ => Normal())], right = [.. Enumerable.Range(0, directions * d).Select(_ => Normal())];
        var values = new float[n * d];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < d; j++)
            {
                double sum = 0.05 * Normal() * (random.Next(200) == 0 ? 20 : 1);
                for (int t = 0; t < directions; t++)
                    sum += Math.Pow(rate, t) * left[i * directions + t] * right[t * d + j];
                values[i * d + j] = (float)(0.1 * sum);
            }
        return values;
    }

    private static byte[] Bytes(string type, float[] values) => type switch
    {
        "F32" => MemoryMarshal.AsBytes<float>(values).ToArray(),
        "F16" => MemoryMarshal.AsBytes<Half>(Array.ConvertAll(values, x => (Half)x)).ToArray(),
        _ => MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(values, x => (ushort)(BitConverter.SingleToUInt32Bits(x) >> 16))).ToArray(),
    };

    private static void WriteShard(string path, IEnumerable<(string Name, string Type, int[] Shape, byte[] Bytes)> tensors)
    {
        var header = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
        using var data = new MemoryStream();
        foreach ((string name, string type, int[] shape, byte[] bytes) in tensors)
        {
            header.Append($",\"{name}\":{{\"dtype\":\"{type}\",\"shape\":[{string.Join(',', shape)}],\"data_offsets\":[{data.Length},{data.Length + bytes.Length}]}}");
            data.Write(bytes);
        }
        byte[] text = Encoding.UTF8.GetBytes(header.Append('}').ToString());
        using var file = new BinaryWriter(File.Create(path));
        file.Write((long)text.Length);
        file.Write(text);
        file.Write(data.ToArray());
    }
}
