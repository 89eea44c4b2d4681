namespace ClusterLp.Core.Formats.Onnx;

/// <summary>How a protobuf field is encoded; its number is what the wire says.</summary>
internal enum WireType
{
    Varint = 0,
    Fixed64 = 1,
    LengthDelimited = 2,
    Fixed32 = 5,
}

/// <summary>A field of a protobuf message, by its place in the file.</summary>
/// <param name="Number">The field's number.</param>
/// <param name="Type">Its encoding.</param>
/// <param name="Start">Where its tag begins.</param>
/// <param name="Payload">Where its value begins, after a length if there is one.</param>
/// <param name="End">Where the next field begins.</param>
/// <param name="Value">The value of a varint; 0 for others.</param>
internal readonly record struct WireField(int Number, WireType Type, long Start, long Payload, long End, ulong Value)
{
    public long Length => End - Payload;
}

/// <summary>
/// Walks protobuf messages in a file without reading what it passes over: a model's weights are skipped, and every field is
/// known by its place, so that what is not understood can be copied as it is. (Google.Protobuf's readers keep neither places
/// nor 64-bit offsets, and read what they skip.) For one thread.
/// </summary>
internal sealed class WireReader(InputFile file) : IDisposable
{
    private const int LongestVarint = 10;
    private const int LongestText = 1 << 20;

    private readonly InputWindow _window = new(file, file.Length);

    /// <summary>The fields of the message at [begin, end), in order.</summary>
    /// <exception cref="ClusterLpException">The bytes are no message (exit 65).</exception>
    public IEnumerable<WireField> Fields(long begin, long end)
    {
        for (long position = begin; position < end;)
        {
            WireField field = Field(position, end);
            yield return field;
            position = field.End;
        }
    }

    public IEnumerable<WireField> Fields(WireField message)
    {
        if (message.Type != WireType.LengthDelimited)
            throw Bad(message.Start, $"field {message.Number} is not a message");
        return Fields(message.Payload, message.End);
    }

    /// <summary>A string field, short by its nature: a name, not a document.</summary>
    public string Text(WireField field)
    {
        if (field.Type != WireType.LengthDelimited || field.Length > LongestText)
            throw Bad(field.Start, $"field {field.Number} is not a name");
        ReadOnlySpan<byte> bytes = _window.Span(field.Payload, (int)field.Length);
        return System.Text.Unicode.Utf8.IsValid(bytes)
            ? System.Text.Encoding.UTF8.GetString(bytes)
            : throw Bad(field.Start, $"the name in field {field.Number} is not valid UTF-8");
    }

    /// <summary>An integer field.</summary>
    public long Integer(WireField field) =>
        field.Type == WireType.Varint ? (long)field.Value : throw Bad(field.Start, $"field {field.Number} is not an integer");

    /// <summary>The integers of a repeated field, packed or one by one.</summary>
    public void Integers(WireField field, List<long> values, int most)
    {
        if (field.Type == WireType.Varint)
            values.Add((long)field.Value);
        else if (field.Type != WireType.LengthDelimited)
            throw Bad(field.Start, $"field {field.Number} does not hold integers");
        else
            for (long position = field.Payload; position < field.End && values.Count <= most;)
                values.Add((long)Varint(ref position, field.End));
        if (values.Count > most)
            throw Bad(field.Start, $"field {field.Number} holds more than {most} integers");
    }

    /// <summary>The bytes [offset, offset + length); short by their nature.</summary>
    public byte[] Bytes(long offset, int length) => _window.Span(offset, length).ToArray();

    public ClusterLpException Bad(long position, string what) => file.Bad($"not a usable ONNX model: at byte {position} {what}.");

    public void Dispose() => _window.Dispose();

    private WireField Field(long start, long end)
    {
        long position = start;
        ulong tag = Varint(ref position, end);
        (ulong number, ulong type) = (tag >> 3, tag & 7);
        if (number is 0 or > 536870911)
            throw Bad(start, $"field number {number} is not one protobuf allows");
        ulong value = 0;
        long payload = position;
        switch ((WireType)type)
        {
            case WireType.Varint:
                value = Varint(ref position, end);
                break;
            case WireType.Fixed64:
                position += 8;
                break;
            case WireType.Fixed32:
                position += 4;
                break;
            case WireType.LengthDelimited:
                ulong length = Varint(ref position, end);
                payload = position;
                if (length > (ulong)(end - position))
                    throw Bad(start, $"field {number} announces {length} bytes, but {end - position} are left: the file is truncated or damaged");
                position += (long)length;
                break;
            default:
                throw Bad(start, $"field {number} has the encoding {type}, which protobuf no longer uses");
        }
        if (position > end)
            throw Bad(start, $"field {number} ends beyond its message: the file is truncated or damaged");
        return new WireField((int)number, (WireType)type, start, payload, position, value);
    }

    private ulong Varint(ref long position, long end)
    {
        ReadOnlySpan<byte> bytes = _window.Span(position, (int)Math.Min(LongestVarint, end - position));
        ulong value = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            value |= (ulong)(bytes[i] & 0x7f) << (7 * i);
            if (bytes[i] < 0x80)
            {
                position += i + 1;
                return value;
            }
        }
        throw Bad(position, "there is no end to a number");
    }
}
