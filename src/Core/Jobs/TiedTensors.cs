using System.IO.Hashing;
using System.Text.Json;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Safetensors;

namespace ClusterLp.Core.Jobs;

/// <summary>A tensor that holds the same data as another and so has the same factors.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Of">The other's, which is compressed.</param>
public sealed record TiedTensor(string Name, string Of);

/// <summary>
/// Finds what a model stores twice, such as an embedding that is the LM head too. A safetensors file cannot store one range
/// under two names, so that ties are found by their bytes.
/// </summary>
internal static class TiedTensors
{
    private const int StartBytes = 1 << 16, CompareBytes = 4 << 20;
    private const long LargestConfig = 16 << 20;

    /// <summary>
    /// For every tensor whose data an earlier one of the list has, that earlier one. Reads the beginnings of tensors of one type and shape,
    /// and the whole of those that begin alike.
    /// </summary>
    /// <param name="model">Safetensors; of other formats nothing is found.</param>
    /// <param name="names">Matrices of the model.</param>
    public static Dictionary<string, string> Find(IModel model, IEnumerable<string> names)
    {
        var tied = new Dictionary<string, string>();
        if (model is not SafetensorsModel safetensors)
            return tied;
        var alike = names.Select(name => (Name: name, At: safetensors.Find(name)))
            .GroupBy(tensor => (tensor.At.Entry.Type, string.Join('x', tensor.At.Entry.Shape)))
            .Where(group => group.Skip(1).Any())
            .SelectMany(group => group.Where(tensor => !IsConstant(tensor.At)).GroupBy(tensor => Start(tensor.At)));
        foreach (var group in alike)
        {
            var different = new List<(string Name, (SafetensorsFile, SafetensorsEntry) At)>();
            foreach (var tensor in group)
            {
                int same = different.FindIndex(other => AreSame(other.At, tensor.At));
                if (same < 0)
                    different.Add(tensor);
                else
                    tied.Add(tensor.Name, different[same].Name);
            }
        }
        return tied;
    }

    /// <summary>Whether the config.json beside a model says that its LM head is its embedding (<c>tie_word_embeddings</c>).</summary>
    public static bool AreDeclared(IModel model)
    {
        if (model is not SafetensorsModel)
            return false;
        string path = Storage.StoredFiles.Combine(Storage.StoredFiles.Parent(model.Files[0])!, "config.json");
        try
        {
            if (Storage.StoredFiles.Stat(path) is not { Length: <= LargestConfig } || Storage.StoredFiles.Read(path, LargestConfig) is not { } bytes)
                return false;
            using JsonDocument config = JsonDocument.Parse(bytes);
            return config.RootElement is { ValueKind: JsonValueKind.Object } root
                && root.TryGetProperty("tie_word_embeddings", out JsonElement tie) && tie.ValueKind == JsonValueKind.True;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            // It is carried along as it is; whoever loads the model finds out.
            return false;
        }
    }

    // As adapters begin: alike without being tied.
    private static bool IsConstant((SafetensorsFile Shard, SafetensorsEntry Entry) at)
    {
        int size = at.Entry.Type.Size();
        byte[] bytes = new byte[Math.Min(StartBytes, at.Entry.Length)], first = new byte[size];
        at.Shard.Read(at.Entry, 0, first);
        for (long offset = 0; offset < at.Entry.Length; offset += bytes.Length)
        {
            Span<byte> part = bytes.AsSpan(0, (int)Math.Min(bytes.Length, at.Entry.Length - offset));
            at.Shard.Read(at.Entry, offset, part);
            // All are the first where the first is, and each is the one before it.
            if (!part[..size].SequenceEqual(first) || !part[size..].SequenceEqual(part[..^size]))
                return false;
        }
        return true;
    }

    private static ulong Start((SafetensorsFile Shard, SafetensorsEntry Entry) at)
    {
        var bytes = new byte[Math.Min(StartBytes, at.Entry.Length)];
        at.Shard.Read(at.Entry, 0, bytes);
        return XxHash3.HashToUInt64(bytes);
    }

    private static bool AreSame((SafetensorsFile Shard, SafetensorsEntry Entry) a, (SafetensorsFile Shard, SafetensorsEntry Entry) b)
    {
        byte[] left = new byte[Math.Min(CompareBytes, a.Entry.Length)], right = new byte[left.Length];
        for (long offset = 0; offset < a.Entry.Length; offset += CompareBytes)
        {
            int length = (int)Math.Min(CompareBytes, a.Entry.Length - offset);
            a.Shard.Read(a.Entry, offset, left.AsSpan(0, length));
            b.Shard.Read(b.Entry, offset, right.AsSpan(0, length));
            if (!left.AsSpan(0, length).SequenceEqual(right.AsSpan(0, length)))
                return false;
        }
        return true;
    }
}
