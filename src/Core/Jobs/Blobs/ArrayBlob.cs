using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using ClusterLp.Core.Formats;

namespace ClusterLp.Core.Jobs.Blobs;

/// <summary>
/// The contents of a blob: named little-endian arrays laid out as a safetensors file, so that any safetensors reader can
/// look into a job directory. Held in memory whole; a blob is a block, a Gram or a basis, never a matrix.
/// </summary>
public sealed class ArrayBlob
{
    private readonly Dictionary<string, (ElementType Type, long[] Shape, ReadOnlyMemory<byte> Bytes)> _arrays = [];

    /// <summary>Names in the order they were added.</summary>
    public IEnumerable<string> Names => _arrays.Keys;

    /// <summary>Adds an array of raw elements, not copied; T must have the size of <paramref name="type"/>.</summary>
    public ArrayBlob Add<T>(string name, ElementType type, T[] values, params long[] shape) where T : unmanaged =>
        Add(name, type, new RawBytes<T>(values).Memory, shape);

    /// <summary>Adds an array of raw little-endian elements, not copied.</summary>
    public ArrayBlob Add(string name, ElementType type, ReadOnlyMemory<byte> bytes, params long[] shape)
    {
        _arrays.Add(name, (type, shape, bytes));
        return this;
    }

    /// <summary>Adds an array of float64 that lies in a larger one, not copied.</summary>
    public ArrayBlob Add(string name, ReadOnlyMemory<double> values, params long[] shape) =>
        MemoryMarshal.TryGetArray(values, out ArraySegment<double> part)
            ? Add(name, ElementType.F64, new RawBytes<double>(part.Array!).Memory.Slice(part.Offset * sizeof(double), part.Count * sizeof(double)), shape)
            : throw new ArgumentException("not an array's memory", nameof(values));

    public ArrayBlob Add(string name, double[] values, params long[] shape) => Add(name, ElementType.F64, values, shape);

    public ArrayBlob Add(string name, float[] values, params long[] shape) => Add(name, ElementType.F32, values, shape);

    /// <summary>Shape of an array, outermost dimension first.</summary>
    public IReadOnlyList<long> Shape(string name) => _arrays[name].Shape;

    /// <summary>The raw little-endian bytes of an array.</summary>
    public ReadOnlyMemory<byte> Bytes(string name) => _arrays[name].Bytes;

    /// <summary>An array's elements where they lie.</summary>
    public ReadOnlySpan<T> View<T>(string name) where T : unmanaged => MemoryMarshal.Cast<byte, T>(_arrays[name].Bytes.Span);

    /// <summary>A copy of an array's elements.</summary>
    public T[] Get<T>(string name) where T : unmanaged => View<T>(name).ToArray();

    /// <summary>Writes header and data; the same arrays give the same bytes.</summary>
    public void WriteTo(Stream stream)
    {
        var header = new MemoryStream();
        using (var json = new Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            long offset = 0;
            foreach ((string name, var array) in _arrays)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", array.Type.ToString());
                json.WriteStartArray("shape");
                foreach (long extent in array.Shape)
                    json.WriteNumberValue(extent);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += array.Bytes.Length);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (header.Length % 8 != 0)
            header.WriteByte((byte)' ');
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        header.WriteTo(stream);
        foreach (var array in _arrays.Values)
            stream.Write(array.Bytes.Span);
    }

    /// <summary>Reads what <see cref="WriteTo"/> wrote; <paramref name="length"/>: bytes expected, if known.</summary>
    /// <exception cref="InvalidDataException">Not such a blob.</exception>
    public static ArrayBlob ReadFrom(Stream stream, long length = 0)
    {
        var copy = new MemoryStream(checked((int)length));
        stream.CopyTo(copy, 1 << 20);
        return Parse(copy.GetBuffer().AsMemory(0, (int)copy.Length));
    }

    /// <summary>Reads a blob of known length into memory of the caller's, where its arrays then lie.</summary>
    /// <exception cref="InvalidDataException">Not such a blob.</exception>
    public static ArrayBlob ReadInto(Memory<byte> room, Stream stream) => Parse(room[..stream.ReadPieces(room)]);

    private static ArrayBlob Parse(ReadOnlyMemory<byte> all)
    {
        var blob = new ArrayBlob();
        try
        {
            int headerLength = checked((int)BinaryPrimitives.ReadInt64LittleEndian(all.Span));
            using JsonDocument header = JsonDocument.Parse(all.Slice(8, headerLength));
            ReadOnlyMemory<byte> data = all[(8 + headerLength)..];
            foreach (JsonProperty array in header.RootElement.EnumerateObject())
            {
                var offsets = array.Value.GetProperty("data_offsets");
                (int from, int to) = (offsets[0].GetInt32(), offsets[1].GetInt32());
                long[] shape = [.. array.Value.GetProperty("shape").EnumerateArray().Select(e => e.GetInt64())];
                var type = Enum.Parse<ElementType>(array.Value.GetProperty("dtype").GetString()!);
                blob._arrays.Add(array.Name, (type, shape, data[from..to]));
            }
        }
        catch (Exception e) when (e is JsonException or ArgumentException or OverflowException or KeyNotFoundException or InvalidOperationException
            or FormatException or IndexOutOfRangeException)
        {
            throw new InvalidDataException("not an array blob: " + e.Message, e);
        }
        return blob;
    }

    /// <summary>An array's bytes where they lie.</summary>
    private sealed class RawBytes<T>(T[] values) : MemoryManager<byte> where T : unmanaged
    {
        public override Span<byte> GetSpan() => MemoryMarshal.AsBytes(values.AsSpan());
        public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException("pin the array");
        public override void Unpin() => throw new NotSupportedException("pin the array");
        protected override void Dispose(bool disposing)
        {
        }
    }
}
