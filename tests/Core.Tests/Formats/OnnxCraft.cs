using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;

namespace ClusterLp.Core.Tests.Formats;

/// <summary>Writes ONNX graphs field by field from the published format, by another encoder than the product's.</summary>
internal sealed class OnnxCraft
{
    public const int Float = 1, Int64 = 7, Bool = 9, Half = 10, Double = 11;

    private readonly List<byte[]> _fields = [];

    /// <summary>Bytes of the data file beside the model, where tensors are external.</summary>
    public MemoryStream Data { get; } = new();

    /// <summary>The name of the data file; null: tensors lie in the model.</summary>
    public string? DataName { get; init; }

    /// <summary>What is added to the offsets of external data, for files made elsewhere.</summary>
    public long DataStart { get; init; }

    /// <summary>Deterministic numbers whose products stay near 1.</summary>
    public static float[] Numbers(int count, int seed, float scale = 0.3f)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => scale * (float)(random.NextDouble() * 2 - 1) * (random.Next(20) == 0 ? 3 : 1))];
    }

    public OnnxCraft Node(string op, string[] inputs, string output, params (string Name, object Value)[] attributes) => Node(op, "", inputs, [output], attributes);

    public OnnxCraft Node(string op, string domain, string[] inputs, string[] outputs, params (string Name, object Value)[] attributes)
    {
        _fields.Add(Message(1, node =>
        {
            foreach (string input in inputs)
                Text(node, 1, input);
            foreach (string output in outputs)
                Text(node, 2, output);
            Text(node, 3, "node/" + outputs[0]);
            Text(node, 4, op);
            foreach ((string name, object value) in attributes)
                Bytes(node, 5, Attribute(name, value));
            Text(node, 6, "about " + outputs[0]);
            if (domain.Length > 0)
                Text(node, 7, domain);
        }));
        return this;
    }

    /// <summary>A float32 matrix of numbers of its own.</summary>
    public OnnxCraft Matrix(string name, int rows, int columns, int seed) => Tensor(name, Float, [rows, columns], MemoryMarshal.AsBytes<float>(Numbers(rows * columns, seed)).ToArray());

    public OnnxCraft Tensor(string name, int type, long[] shape, byte[] elements, bool asFloats = false)
    {
        _fields.Add(Message(5, tensor => WriteTensor(tensor, name, type, shape, elements, asFloats)));
        return this;
    }

    public OnnxCraft Input(string name, int type, params object[] shape) => Value(11, name, type, shape);

    public OnnxCraft Output(string name, int type, params object[] shape) => Value(12, name, type, shape);

    public OnnxCraft ValueInfo(string name, int type, params object[] shape) => Value(13, name, type, shape);

    /// <summary>A field this format does not know, which must survive.</summary>
    public OnnxCraft Unknown(int number, string text)
    {
        _fields.Add(Field(stream => Text(stream, number, text)));
        return this;
    }

    /// <summary>A quantization annotation.</summary>
    public OnnxCraft Annotate(string name)
    {
        _fields.Add(Message(14, annotation => Text(annotation, 1, name)));
        return this;
    }

    public byte[] Graph() => [.. _fields.SelectMany(field => field), .. Field(graph => Text(graph, 2, "crafted"))];

    public byte[] Model(int opset = 17, int ir = 8, bool training = false) => Field(model =>
    {
        model.WriteTag(1, WireFormat.WireType.Varint);
        model.WriteInt64(ir);
        Text(model, 2, "tests");
        Bytes(model, 7, Graph());
        Bytes(model, 8, Field(set =>
        {
            set.WriteTag(2, WireFormat.WireType.Varint);
            set.WriteInt64(opset);
        }));
        Bytes(model, 14, Field(entry =>
        {
            Text(entry, 1, "kept");
            Text(entry, 2, "yes");
        }));
        if (training)
            Bytes(model, 20, []);
    });

    /// <summary>Writes the model and, where it has one, its data file.</summary>
    public string Save(string path, int opset = 17, int ir = 8)
    {
        File.WriteAllBytes(path, Model(opset, ir));
        if (DataName is not null)
            File.WriteAllBytes(Path.Combine(Path.GetDirectoryName(path)!, DataName), Data.ToArray());
        return path;
    }

    private OnnxCraft Value(int number, string name, int type, object[] shape)
    {
        _fields.Add(Message(number, value =>
        {
            Text(value, 1, name);
            Bytes(value, 2, Message(1, tensor =>
            {
                tensor.WriteTag(1, WireFormat.WireType.Varint);
                tensor.WriteInt32(type);
                Bytes(tensor, 2, Field(dimensions =>
                {
                    foreach (object extent in shape)
                        Bytes(dimensions, 1, Field(dimension =>
                        {
                            if (extent is string symbol)
                                Text(dimension, 2, symbol);
                            else
                            {
                                dimension.WriteTag(1, WireFormat.WireType.Varint);
                                dimension.WriteInt64((int)extent);
                            }
                        }));
                }));
            }));
        }));
        return this;
    }

    private void WriteTensor(CodedOutputStream tensor, string name, int type, long[] shape, byte[] elements, bool asFloats)
    {
        foreach (long extent in shape)
        {
            tensor.WriteTag(1, WireFormat.WireType.Varint);
            tensor.WriteInt64(extent);
        }
        tensor.WriteTag(2, WireFormat.WireType.Varint);
        tensor.WriteInt32(type);
        Text(tensor, 8, name);
        if (DataName is null || shape.Length == 0)
        {
            Bytes(tensor, asFloats ? 4 : 9, elements);
            return;
        }
        while (Data.Length % 4096 != 0)
            Data.WriteByte(0xee);
        foreach ((string key, string value) in new[] { ("location", DataName), ("offset", $"{DataStart + Data.Length}"), ("length", elements.Length.ToString(CultureInfo.InvariantCulture)) })
            Bytes(tensor, 13, Field(entry =>
            {
                Text(entry, 1, key);
                Text(entry, 2, value);
            }));
        tensor.WriteTag(14, WireFormat.WireType.Varint);
        tensor.WriteInt32(1);
        Data.Write(elements);
    }

    private byte[] Attribute(string name, object value) => Field(attribute =>
    {
        Text(attribute, 1, name);
        switch (value)
        {
            case int integer:
                attribute.WriteTag(3, WireFormat.WireType.Varint);
                attribute.WriteInt64(integer);
                Type(2);
                break;
            case float number:
                attribute.WriteTag(2, WireFormat.WireType.Fixed32);
                attribute.WriteFloat(number);
                Type(1);
                break;
            case int[] integers:
                foreach (int integer in integers)
                {
                    attribute.WriteTag(8, WireFormat.WireType.Varint);
                    attribute.WriteInt64(integer);
                }
                Type(7);
                break;
            case OnnxCraft body:
                Bytes(attribute, 6, body.Graph());
                Type(5);
                break;
            case (int type, long[] shape, byte[] elements):
                Bytes(attribute, 5, Field(tensor => WriteTensor(tensor, "", type, shape, elements, false)));
                Type(4);
                break;
            default:
                throw new ArgumentException($"{name}: {value}");
        }

        void Type(int type)
        {
            attribute.WriteTag(20, WireFormat.WireType.Varint);
            attribute.WriteInt32(type);
        }
    });

    private static byte[] Field(Action<CodedOutputStream> write)
    {
        var bytes = new MemoryStream();
        using (var stream = new CodedOutputStream(bytes, leaveOpen: true))
            write(stream);
        return bytes.ToArray();
    }

    private static byte[] Message(int number, Action<CodedOutputStream> write) => Field(stream => Bytes(stream, number, Field(write)));

    private static void Text(CodedOutputStream stream, int number, string text)
    {
        stream.WriteTag(number, WireFormat.WireType.LengthDelimited);
        stream.WriteString(text);
    }

    private static void Bytes(CodedOutputStream stream, int number, byte[] bytes)
    {
        stream.WriteTag(number, WireFormat.WireType.LengthDelimited);
        stream.WriteBytes(ByteString.CopyFrom(bytes));
    }
}
