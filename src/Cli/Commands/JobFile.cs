using System.Text.Json;
using ClusterLp.Core;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Storage;

namespace ClusterLp.Cli.Commands;

/// <summary>
/// A job as a JSON object: <c>model</c> and the options of <c>compress</c> by their names without the dashes. Relative paths
/// are relative to the file.
/// </summary>
/// <param name="Spec">What to compute.</param>
/// <param name="JobDirectory">Key <c>job-dir</c>, or null.</param>
internal sealed record JobFile(JobSpec Spec, string? JobDirectory)
{
    private const int LargestFile = 1 << 20;

    private static readonly string[] Keys =
    [
        "model", "output", "tensor", "exclude", "rank", "compression", "per-tensor", "target-error", "p", "tolerance", "method", "fit", "embedding", "row-weights", "column-metric", "exact-rows", "active-columns", "subspaces", "restarts", "smoothing", "refine", "vocabulary", "passes", "block-size", "block-rows", "seed",
        "dtype", "reconstruct", "force", "job-dir",
    ];

    /// <exception cref="ClusterLpException">
    /// Missing (exit 66), not a JSON object (65), or a key that is unknown, missing or has the wrong kind of value (64).
    /// </exception>
    public static JobFile Read(string path)
    {
        byte[] bytes;
        try
        {
            path = ObjectStores.IsAddress(path) ? StoredFiles.Absolute(path) : path;
            bytes = StoredFiles.Read(path, LargestFile) ?? throw ClusterLpException.InputMissing($"{path}: no such job file.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.InputMissing($"{path}: the job file cannot be read: {e.Message}", e);
        }
        try
        {
            using JsonDocument json = JsonDocument.Parse(bytes, new JsonDocumentOptions
            {
                AllowDuplicateProperties = false, CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true,
            });
            return json.RootElement.ValueKind == JsonValueKind.Object
                ? new Reader(path, json.RootElement).Read()
                : throw ClusterLpException.BadInput($"{path}: expected a JSON object.");
        }
        // The second is what text that is not UTF-8 and half surrogate pairs end in.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw ClusterLpException.BadInput($"{path}: not JSON: {e.Message}", e);
        }
    }

    private sealed class Reader(string path, JsonElement root)
    {
        private readonly string _folder = StoredFiles.Parent(StoredFiles.Absolute(path))!;

        public JobFile Read()
        {
            foreach (JsonProperty property in root.EnumerateObject())
                if (!Keys.Contains(property.Name))
                    throw ClusterLpException.Usage($"{path}: unknown key \"{property.Name}\"; the keys are {string.Join(", ", Keys)}.");
            string model = FilePath("model") ?? throw ClusterLpException.Usage($"{path}: \"model\" is missing.");
            var spec = new JobSpec
            {
                Input = model,
                Output = FilePath("output") ?? StoredFiles.Absolute(JobOptions.DefaultOutput(model), _folder),
                Tensors = [.. Texts("tensor")],
                Exclude = [.. Texts("exclude")],
                PerTensor = Flag("per-tensor"),
                Rank = Whole("rank"),
                Compression = Number("compression"),
                TargetError = Number("target-error"),
                P = (IsAuto("p") ? null : Number("p", $" or \"{OptionParsers.Auto}\"")) ?? JobSpec.DefaultP(Word<Method>("method") ?? Method.Lp, Number("target-error")),
                AutoP = IsAuto("p"),
                Tolerance = Number("tolerance"),
                Method = Word<Method>("method") ?? Method.Lp,
                Fit = Word<Fit>("fit") ?? Fit.Auto,
                Embedding = Word<Embedding>("embedding") ?? Embedding.Exact,
                RowWeights = FilePath("row-weights"),
                ColumnMetric = FilePath("column-metric"),
                ExactRows = Number("exact-rows"),
                ActiveColumns = Whole("active-columns"),
                Subspaces = Whole("subspaces"),
                Restarts = Whole("restarts"),
                Smoothing = Number("smoothing"),
                Refine = Whole("refine"),
                Vocabulary = FilePath("vocabulary"),
                Passes = Whole("passes"),
                BlockSize = Whole("block-size"),
                BlockRows = Whole("block-rows"),
                Seed = Value<ulong>("seed", "a whole number from 0 to 18446744073709551615", e => e.TryGetUInt64(out ulong v) ? v : null) ?? 0,
                Dtype = Word("dtype", JobOptions.FactorTypes),
                Reconstruct = Flag("reconstruct"),
                Force = Flag("force"),
            };
            return new JobFile(spec, FilePath("job-dir"));
        }

        private ClusterLpException Wrong(string key, string expected) =>
            ClusterLpException.Usage($"{path}: \"{key}\" is {root.GetProperty(key).GetRawText()}; expected {expected}.");

        private T? Value<T>(string key, string expected, Func<JsonElement, T?> parse) where T : struct
        {
            if (!root.TryGetProperty(key, out JsonElement element))
                return null;
            // TryGet of the wrong kind throws rather than returning false.
            bool number = element.ValueKind == JsonValueKind.Number;
            return (number || typeof(T) == typeof(bool) || typeof(T).IsEnum ? parse(element) : null) ?? throw Wrong(key, expected);
        }

        private int? Whole(string key) => Value<int>(key, "a whole number of 1 or more", e => e.TryGetInt32(out int v) && v >= 1 ? v : null);

        private bool IsAuto(string key) =>
            root.TryGetProperty(key, out JsonElement element) && element.ValueKind == JsonValueKind.String && element.GetString() == OptionParsers.Auto;

        private double? Number(string key, string orElse = "") => Value<double>(key, "a number" + orElse, e => e.TryGetDouble(out double v) ? v : null);

        private bool Flag(string key) => Value<bool>(key, "true or false", e => e.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => null,
        }) ?? false;

        private T? Word<T>(string key, params T[] allowed) where T : struct, Enum
        {
            string words = string.Join(", ", (allowed.Length > 0 ? allowed : Enum.GetValues<T>()).Select(v => v.ToString().ToLowerInvariant()));
            return Value<T>(key, $"one of {words}",
                e => e.ValueKind == JsonValueKind.String ? OptionParsers.FromWord(e.GetString()!, allowed) : null);
        }

        private string? FilePath(string key)
        {
            if (!root.TryGetProperty(key, out JsonElement element))
                return null;
            string? text = element.ValueKind == JsonValueKind.String ? element.GetString() : null;
            return string.IsNullOrEmpty(text) || text.Contains('\0') ? throw Wrong(key, "a path") : StoredFiles.Absolute(text, _folder);
        }

        private IEnumerable<string> Texts(string key)
        {
            if (!root.TryGetProperty(key, out JsonElement element))
                return [];
            if (element.ValueKind == JsonValueKind.String)
                return [element.GetString()!];
            return element.ValueKind == JsonValueKind.Array && element.EnumerateArray().All(e => e.ValueKind == JsonValueKind.String)
                ? element.EnumerateArray().Select(e => e.GetString()!)
                : throw Wrong(key, "a name or an array of names");
        }
    }
}
