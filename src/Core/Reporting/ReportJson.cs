using System.Text.Json;
using System.Text.Json.Serialization;

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
        Converters = { new JsonStringEnumConverter(new LowerCase(), allowIntegerValues: false) },
        WriteIndented = true,
    };

    private static readonly JsonSerializerOptions Writing = WrittenJson.Of(Options);

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
            if (new FileInfo(path) is { Exists: true, Length: > LargestReport } large)
                throw ClusterLpException.BadInput($"{path}: {large.Length} bytes are too many for a report.");
            json = File.ReadAllBytes(path);
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

    private sealed class LowerCase : JsonNamingPolicy
    {
        public override string ConvertName(string name) => name.ToLowerInvariant();
    }
}
