using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Formats.Safetensors;

/// <summary>
/// <c>model.safetensors.index.json</c>: which shard holds which tensor. Shard names are relative to the index' folder and
/// cannot lead out of it.
/// </summary>
internal sealed class ShardIndex
{
    private const long LongestIndex = 100_000_000;

    /// <summary>The index file.</summary>
    public string Path { get; }

    /// <summary>Tensor name to shard name, in the order of the index.</summary>
    public IReadOnlyDictionary<string, string> WeightMap { get; }

    /// <summary>Distinct shard names, sorted.</summary>
    public IReadOnlyList<string> Shards { get; }

    private readonly JsonObject _root;

    private ShardIndex(string path, JsonObject root, Dictionary<string, string> weightMap)
    {
        (Path, _root, WeightMap) = (path, root, weightMap);
        Shards = [.. weightMap.Values.Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>Where shard <paramref name="name"/> lies.</summary>
    public string ShardPath(string name) => StoredFiles.Combine(StoredFiles.Parent(Path)!, name);

    /// <exception cref="ClusterLpException">Not such an index (exit 65).</exception>
    public static ShardIndex Read(string path)
    {
        ClusterLpException Bad(string what, Exception? inner = null) => ClusterLpException.BadInput($"{path}: {what}", inner);

        path = StoredFiles.Absolute(path);
        using InputFile file = InputFile.Open(path);
        if (file.Length > LongestIndex)
            throw Bad($"the shard index is {file.Length} bytes long; expected at most {LongestIndex}.");
        ReadOnlySpan<byte> json = file.ReadHeader(0, (int)file.Length);
        if (!Utf8.IsValid(json))
            throw Bad("the shard index is not valid UTF-8.");
        try
        {
            var strict = new JsonDocumentOptions { AllowDuplicateProperties = false };
            JsonObject root = JsonNode.Parse(json, documentOptions: strict) as JsonObject ?? throw Bad("the shard index is not a JSON object.");
            return new ShardIndex(path, root, ReadWeightMap(root, what => Bad(what)));
        }
        // The second is what an escaped half of a surrogate pair in a name ends in.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Bad($"the shard index is not valid JSON: {e.Message}", e);
        }
    }

    private static Dictionary<string, string> ReadWeightMap(JsonObject root, Func<string, ClusterLpException> bad)
    {
        if (root["weight_map"] is not JsonObject map || map.Count == 0)
            throw bad("the shard index has no \"weight_map\" object that names tensors.");
        var weightMap = new Dictionary<string, string>();
        foreach ((string tensor, JsonNode? value) in map)
        {
            if (value is not JsonValue text || !text.TryGetValue(out string? shard) || shard.Length == 0)
                throw bad($"the shard of tensor \"{tensor}\" is not a file name.");
            if (System.IO.Path.IsPathRooted(shard) || shard.Contains('\\') || shard.Split('/').Any(part => part is "" or "." or ".."))
                throw bad($"the shard \"{shard}\" of tensor \"{tensor}\" leads outside the index' folder.");
            weightMap.Add(tensor, shard);
        }
        return weightMap;
    }

    /// <summary>The same index with another weight map and total size; every other key is kept.</summary>
    /// <param name="weightMap">Tensor and shard names, in order.</param>
    /// <param name="totalSize">Bytes of all tensors.</param>
    public byte[] Rewrite(IEnumerable<KeyValuePair<string, string>> weightMap, long totalSize)
    {
        var root = (JsonObject)_root.DeepClone();
        if (root["metadata"] is not JsonObject)
            root["metadata"] = new JsonObject();
        root["metadata"]!["total_size"] = totalSize;
        root["weight_map"] = new JsonObject(weightMap.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)JsonValue.Create(pair.Value))));
        return System.Text.Encoding.UTF8.GetBytes(root.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }
}
