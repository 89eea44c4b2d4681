using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.Jobs.Checkpoints;

/// <summary>
/// Journals and snapshots are lines of <c>HASH JSON</c>, HASH being the first 16 hexadecimal digits of the JSON's SHA-256:
/// a torn or altered line is known as such, and the next one is found at the next line feed.
/// </summary>
public static class CheckpointLine
{
    private const int HashDigits = 16;

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
    };

    private static readonly JsonSerializerOptions Writing = WrittenJson.Of(Json);

    /// <summary>The line, with its line feed.</summary>
    public static byte[] Write<T>(T value)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(value, Writing);
        return [.. Encoding.ASCII.GetBytes(Hash(json)), (byte)' ', .. json, (byte)'\n'];
    }

    /// <summary>A line's JSON alone.</summary>
    public static string Text<T>(T value) => JsonSerializer.Serialize(value, Writing);

    /// <summary>What a line says; null where it is torn, altered, or not one of these.</summary>
    /// <param name="line">Without its line feed.</param>
    /// <param name="described">
    /// By <see cref="WrittenJson"/> instead of reflection: of types of which every value that may be left out is null or zero.
    /// </param>
    public static T? Read<T>(ReadOnlySpan<byte> line, bool described = false) where T : class
    {
        if (line.Length <= HashDigits + 1 || line[HashDigits] != ' ')
            return null;
        ReadOnlySpan<byte> json = line[(HashDigits + 1)..];
        if (!line[..HashDigits].SequenceEqual(Encoding.ASCII.GetBytes(Hash(json))))
            return null;
        try
        {
            return JsonSerializer.Deserialize<T>(json, described ? Writing : Json);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or ArgumentException or InvalidOperationException)
        {
            return null;
        }
    }

    private static string Hash(ReadOnlySpan<byte> json) => Convert.ToHexStringLower(SHA256.HashData(json))[..HashDigits];
}
