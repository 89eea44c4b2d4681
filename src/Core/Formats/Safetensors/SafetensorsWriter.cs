using System.Buffers.Binary;
using System.Text.Json;

namespace ClusterLp.Core.Formats.Safetensors;

/// <summary>A tensor to be written: what the header says, and what streams exactly its bytes.</summary>
internal sealed record TensorContent(string Name, ElementType Type, long[] Shape, Action<Stream> Write)
{
    /// <summary>Bytes of the elements.</summary>
    public long Length => Shape.Aggregate((long)Type.Size(), (product, extent) => checked(product * extent));
}

/// <summary>Writes a safetensors file in one pass: the header is known before any data.</summary>
internal static class SafetensorsWriter
{
    private const int Alignment = 8, LengthBytes = sizeof(long);

    /// <summary>Where data begins, so that it lies on pages of its own; a header that is longer pushes it on.</summary>
    public const int DataStart = 4096;

    /// <summary>
    /// Writes the tensors, widest element type first and in the given order otherwise, as the format's own library does:
    /// every tensor is then aligned to its element size. The same tensors give the same bytes.
    /// </summary>
    public static void Write(Stream stream, IReadOnlyList<KeyValuePair<string, string>> metadata, IEnumerable<TensorContent> tensors)
    {
        TensorContent[] ordered = [.. tensors.OrderByDescending(tensor => tensor.Type.Size())];
        stream.Write(Head(metadata, ordered));
        foreach (TensorContent tensor in ordered)
            tensor.Write(stream);
    }

    /// <summary>All that is written before the data: the header's length, and the header.</summary>
    /// <param name="metadata">Free text.</param>
    /// <param name="tensors">In the order in which they are written.</param>
    public static byte[] Head(IReadOnlyList<KeyValuePair<string, string>> metadata, IEnumerable<TensorContent> tensors)
    {
        var header = new MemoryStream();
        header.SetLength(LengthBytes);
        header.Position = LengthBytes;
        using (var json = new Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach ((string key, string value) in metadata)
                    json.WriteString(key, value);
                json.WriteEndObject();
            }
            long offset = 0;
            foreach (TensorContent tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", SafetensorsTypes.NameOf(tensor.Type));
                json.WriteStartArray("shape");
                foreach (long extent in tensor.Shape)
                    json.WriteNumberValue(extent);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += tensor.Length);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (header.Length % Alignment != 0 || header.Length < DataStart)
            header.WriteByte((byte)' ');
        byte[] head = header.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(head, head.Length - LengthBytes);
        return head;
    }
}
