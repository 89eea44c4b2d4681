using System.Text;

namespace ClusterLp.Core.Formats.Onnx;

/// <summary>Builds small protobuf messages: nodes, tensor headers.</summary>
internal sealed class WireWriter
{
    private readonly MemoryStream _bytes = new();

    public byte[] ToArray() => _bytes.ToArray();

    public WireWriter Integer(int number, long value)
    {
        Varint((ulong)number << 3 | (ulong)WireType.Varint);
        Varint((ulong)value);
        return this;
    }

    public WireWriter Text(int number, string value) => Message(number, Encoding.UTF8.GetBytes(value));

    /// <summary>A message or bytes.</summary>
    public WireWriter Message(int number, ReadOnlySpan<byte> payload)
    {
        Header(number, payload.Length);
        _bytes.Write(payload);
        return this;
    }

    public WireWriter Message(int number, WireWriter payload) => Message(number, payload._bytes.GetBuffer().AsSpan(0, (int)payload._bytes.Length));

    /// <summary>Tag and length of a field whose bytes follow from elsewhere.</summary>
    public WireWriter Header(int number, long length)
    {
        Varint((ulong)number << 3 | (ulong)WireType.LengthDelimited);
        Varint((ulong)length);
        return this;
    }

    /// <summary>Bytes that are whole fields already.</summary>
    public WireWriter Raw(ReadOnlySpan<byte> fields)
    {
        _bytes.Write(fields);
        return this;
    }

    private void Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            _bytes.WriteByte((byte)(value | 0x80));
        _bytes.WriteByte((byte)value);
    }
}
