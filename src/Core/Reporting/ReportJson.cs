using System.Text.Json;
using System.Text.Json.Serialization;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.Storage;

namespace ClusterLp.Core.Reporting;

/// <summary>The JSON of clusterlp.json: camelCase keys, enumerations as lower-case words, indented, null left out.</summary>
public static class ReportJson
{
    private const int LargestReport = 64 << 20;

    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(new LowerCase(), allowIntegerValues: false), new OneLine<WorkSpan>() },
        WriteIndented = true,
    };

    /// <summary>Many small records would make a report of thousands of lines.</summary>
    private static readonly JsonSerializerOptions Flat = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Converters = { new JsonStringEnumConverter(new LowerCase(), allowIntegerValues: false) },
    };

    private static readonly JsonSerializerOptions Writing = WrittenJson.Of(Options), WritingFlat = WrittenJson.Of(Flat);

    /// <summary>The report as UTF-8, with a line feed at its end.</summary>
    public static byte[] Write(JobReport report) => [.. Write<JobReport>(report), (byte)'\n'];

    /// <summary>Any value in this form, as UTF-8.</summary>
    public static byte[] Write<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, Writing);

    /// <summary>Reads clusterlp.json at <paramref name="path"/>.</summary>
    /// <exception cref="ClusterLpException">Missing (exit 66), not such a report, or of a later version (exit 65).</exception>
    public static JobReport Read(string path)
    {
        byte[] json;
        try
        {
            json = StoredFiles.Read(path, LargestReport) ?? throw ClusterLpException.InputMissing($"{path}: there is no such report.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ClusterLpException.InputMissing($"{path}: the report cannot be read: {e.Message}", e);
        }
        try
        {
            JobReport report = JsonSerializer.Deserialize<JobReport>(json, Options)
                ?? throw ClusterLpException.BadInput($"{path}: the report is null.");
            return report.Version == JobReport.CurrentVersion
                ? report
                : throw ClusterLpException.BadInput($"{path}: the report has version {report.Version}; expected {JobReport.CurrentVersion}.");
        }
        catch (JsonException e)
        {
            throw ClusterLpException.BadInput($"{path}: not a report of this tool: {e.Message}", e);
        }
    }

    /// <summary>Writes a value on a line of its own, whatever is around it.</summary>
    private sealed class OneLine<T> : JsonConverter<T>
    {
        private static readonly byte[] LineBreak = [.. "\n      "u8];

        public override T? Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) => JsonSerializer.Deserialize<T>(ref reader, Flat);

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
            writer.WriteRawValue([.. LineBreak, .. JsonSerializer.SerializeToUtf8Bytes(value, WritingFlat)], skipInputValidation: true);
    }

    private sealed class LowerCase : JsonNamingPolicy
    {
        public override string ConvertName(string name) => name.ToLowerInvariant();
    }
}
