using System.Text;
using System.Text.Json;

namespace ClusterLp.Core.Evaluation;

/// <summary>
/// Names of a matrix' rows: a text file of one token a line (vocab.txt), the JSON object token -> row of vocab.json, or a
/// tokenizer.json, whose model has such an object or, for Unigram models, an array of [token, score].
/// </summary>
public sealed class Vocabulary
{
    private const long LargestFile = 512L << 20;

    private readonly Dictionary<long, string> _names = [];

    /// <summary>Names that a format brings along, in row order.</summary>
    public Vocabulary(IEnumerable<string> names)
    {
        long row = 0;
        foreach (string name in names)
            _names[row++] = name;
    }

    private Vocabulary()
    {
    }

    /// <summary>The largest row that has a name, plus 1.</summary>
    public long Rows => _names.Count == 0 ? 0 : _names.Keys.Max() + 1;

    /// <summary>The row's name; null where it has none, as rows that only pad a matrix.</summary>
    public string? this[long row] => _names.GetValueOrDefault(row);

    /// <exception cref="ClusterLpException">Missing or unreadable (exit 66), or none of these formats (65).</exception>
    public static Vocabulary Read(string path)
    {
        byte[] bytes;
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > LargestFile })
                throw ClusterLpException.BadInput($"{path}: too large for a vocabulary.");
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw ClusterLpException.InputMissing($"{path}: no such vocabulary file.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.InputMissing($"{path}: cannot be read: {e.Message}", e);
        }
        return Path.GetExtension(path).Equals(".json", StringComparison.OrdinalIgnoreCase) ? OfJson(path, bytes) : OfLines(path, bytes);
    }

    private static Vocabulary OfLines(string path, byte[] bytes)
    {
        string text;
        try
        {
            text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException e)
        {
            throw ClusterLpException.BadInput($"{path}: not UTF-8 text; expected one token a line, or a .json vocabulary.", e);
        }
        string[] lines = text.Split('\n');
        int count = lines[^1].Length == 0 ? lines.Length - 1 : lines.Length;
        return count > 0 ? new Vocabulary(lines.Take(count).Select(line => line.TrimEnd('\r'))) : throw ClusterLpException.BadInput($"{path}: the vocabulary is empty.");
    }

    private static Vocabulary OfJson(string path, byte[] bytes)
    {
        var vocabulary = new Vocabulary();
        try
        {
            using JsonDocument document = JsonDocument.Parse(bytes);
            JsonElement root = document.RootElement;
            JsonElement names = root.TryGetProperty("model", out JsonElement model) && model.ValueKind == JsonValueKind.Object ? model.GetProperty("vocab") : root;
            if (names.ValueKind == JsonValueKind.Array)
            {
                long row = 0;
                foreach (JsonElement piece in names.EnumerateArray())
                    vocabulary._names[row++] = piece[0].GetString()!;
            }
            else
                foreach (JsonProperty token in names.EnumerateObject())
                    vocabulary._names[token.Value.GetInt64()] = token.Name;
            if (root.TryGetProperty("added_tokens", out JsonElement added) && added.ValueKind == JsonValueKind.Array)
                foreach (JsonElement token in added.EnumerateArray())
                    vocabulary._names[token.GetProperty("id").GetInt64()] = token.GetProperty("content").GetString()!;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or IndexOutOfRangeException)
        {
            throw ClusterLpException.BadInput($"{path}: not a vocabulary: expected a tokenizer.json, or an object of token -> row ({e.Message}).", e);
        }
        return vocabulary._names.Count > 0 && vocabulary._names.Keys.Min() >= 0
            ? vocabulary
            : throw ClusterLpException.BadInput($"{path}: the vocabulary is empty, or has negative rows.");
    }
}
