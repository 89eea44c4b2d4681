using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Unicode;

namespace ClusterLp.Core.Formats.Safetensors;

/// <summary>
/// The header of a safetensors file: 8 bytes of little-endian length, then a JSON object of tensors and an optional
/// <c>__metadata__</c> of strings. Reading is as strict as the format: no duplicate key, and the tensors' byte ranges tile
/// the rest of the file without hole, overlap or remainder.
/// </summary>
internal sealed class SafetensorsHeader
{
    private const long LongestHeader = 100_000_000;

    private readonly InputFile _file;
    private readonly long _dataOffset;
    private readonly List<SafetensorsEntry> _entries = [];
    private readonly List<KeyValuePair<string, string>> _metadata = [];

    private SafetensorsHeader(InputFile file, long dataOffset) => (_file, _dataOffset) = (file, dataOffset);

    /// <summary>In the order of the header.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries => _entries;

    /// <summary>In the order of the header; empty where there is none.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Metadata => _metadata;

    /// <exception cref="ClusterLpException">Any departure from the format (exit 65).</exception>
    public static SafetensorsHeader Read(InputFile file)
    {
        if (file.Length < 8)
            throw file.Bad($"too short for a safetensors file: {file.Length} bytes, and the header's length alone takes 8.");
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(file.ReadHeader(0, 8));
        if (length > LongestHeader)
            throw file.Bad($"the safetensors header says it is {length} bytes long; expected at most {LongestHeader}.");
        if ((long)length > file.Length - 8)
            throw file.Bad($"the safetensors header says it is {length} bytes long, but only {file.Length - 8} bytes follow.");
        ReadOnlySpan<byte> json = file.ReadHeader(8, (int)length);
        if (!Utf8.IsValid(json))
            throw file.Bad("the safetensors header is not valid UTF-8.");
        if (json.IsEmpty || json[0] != (byte)'{')
            throw file.Bad("the safetensors header is not a JSON object (it must begin with \"{\" at byte 8).");
        var header = new SafetensorsHeader(file, 8 + (long)length);
        try
        {
            header.ParseObject(json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw ClusterLpException.BadInput($"{file.Path}: the safetensors header is not valid JSON: {e.Message}", e);
        }
        header.CheckTiling();
        return header;
    }

    private void ParseObject(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        var names = new HashSet<string>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            if (!names.Add(name))
                throw _file.Bad($"the safetensors header has the key \"{name}\" twice.");
            reader.Read();
            if (name == "__metadata__")
                ParseMetadata(ref reader);
            else
                _entries.Add(ParseEntry(name, ref reader));
        }
        // A second value after the object would be a JSON error, raised here.
        while (reader.Read()) { }
    }

    private void ParseMetadata(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw _file.Bad("__metadata__ in the safetensors header is not an object of strings.");
        var keys = new HashSet<string>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            if (!keys.Add(key))
                throw _file.Bad($"__metadata__ in the safetensors header has the key \"{key}\" twice.");
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw _file.Bad($"__metadata__ key \"{key}\" in the safetensors header is not a string.");
            _metadata.Add(new(key, reader.GetString()!));
        }
    }

    private SafetensorsEntry ParseEntry(string name, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Bad(name, "its header entry is not an object");
        string? dtype = null;
        long[]? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            bool again = key switch { "dtype" => dtype is not null, "shape" => shape is not null, "data_offsets" => offsets is not null, _ => false };
            if (again)
                throw Bad(name, $"its header entry has the key \"{key}\" twice");
            if (key == "dtype")
                dtype = reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw Bad(name, "\"dtype\" is not a string");
            else if (key == "shape")
                shape = ParseIntegers(name, key, ref reader);
            else if (key == "data_offsets")
                offsets = ParseIntegers(name, key, ref reader);
            else
                throw Bad(name, $"unknown key \"{key}\" in its header entry; expected dtype, shape and data_offsets");
        }
        if (dtype is null || shape is null || offsets is null)
            throw Bad(name, $"its header entry has no \"{(dtype is null ? "dtype" : shape is null ? "shape" : "data_offsets")}\"");
        return Checked(name, dtype, shape, offsets);
    }

    private long[] ParseIntegers(string name, string key, ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw Bad(name, $"\"{key}\" is not an array");
        var values = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long value) && value >= 0)
                values.Add(value);
            else
                throw Bad(name, $"\"{key}\" holds something other than non-negative 64-bit integers");
        return [.. values];
    }

    private SafetensorsEntry Checked(string name, string dtype, long[] shape, long[] offsets)
    {
        if (!SafetensorsTypes.TryParse(dtype, out ElementType type))
            throw Bad(name, $"unknown dtype \"{dtype}\"; expected one of {string.Join(", ", SafetensorsTypes.Names)}");
        if (offsets.Length != 2 || offsets[0] > offsets[1])
            throw Bad(name, $"data_offsets are [{string.Join(", ", offsets)}]; expected [begin, end] with begin <= end");
        (long begin, long end) = (offsets[0], offsets[1]);
        long available = _file.Length - _dataOffset;
        if (end > available)
            throw Bad(name, $"the data is truncated: it should end at data offset {end}, but only {available} bytes follow the header");
        Int128 bytes = type.Size();
        foreach (long extent in shape)
            if ((bytes *= extent) > long.MaxValue)
                throw Bad(name, $"shape [{string.Join(", ", shape)}] overflows");
        if (bytes != end - begin)
            throw Bad(name, $"shape [{string.Join(", ", shape)}] of {dtype} takes {bytes} bytes, "
                + $"but data_offsets [{begin}, {end}] hold {end - begin}");
        return new SafetensorsEntry(name, type, shape, _dataOffset + begin, end - begin);
    }

    private void CheckTiling()
    {
        long expected = _dataOffset;
        foreach (SafetensorsEntry entry in _entries.OrderBy(e => e.Offset).ThenBy(e => e.Length))
        {
            if (entry.Offset < expected)
                throw Bad(entry.Name, $"its bytes overlap another tensor's: it begins at data offset {entry.Offset - _dataOffset}, "
                    + $"expected {expected - _dataOffset}");
            if (entry.Offset > expected)
                throw Bad(entry.Name, $"there is a hole before its bytes: it begins at data offset {entry.Offset - _dataOffset}, "
                    + $"expected {expected - _dataOffset}");
            expected += entry.Length;
        }
        if (expected != _file.Length)
            throw _file.Bad($"there is trailing data: the tensors end at byte {expected}, but the file has {_file.Length} bytes.");
    }

    private ClusterLpException Bad(string tensor, string what) => _file.Bad($"tensor \"{tensor}\": {what}.");
}
