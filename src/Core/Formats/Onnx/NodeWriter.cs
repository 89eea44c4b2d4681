using static ClusterLp.Core.Formats.Onnx.OnnxFields;

namespace ClusterLp.Core.Formats.Onnx;

/// <summary>Writes nodes, new ones and changed ones, as fields of their graph.</summary>
internal sealed class NodeWriter(WireReader reader)
{
    private const int IntegerType = 2, TensorTypeNumber = 4, IntegersType = 7;

    /// <summary>A new node of a standard operator.</summary>
    public static byte[] New(string operatorName, string name, IEnumerable<string> inputs, string output, params IReadOnlyList<byte[]> attributes)
    {
        var node = new WireWriter();
        foreach (string input in inputs)
            node.Text(NodeInput, input);
        node.Text(NodeOutput, output).Text(NodeName, name).Text(NodeOperator, operatorName);
        foreach (byte[] attribute in attributes)
            node.Message(NodeAttribute, attribute);
        return new WireWriter().Message(GraphNode, node).ToArray();
    }

    public static byte[] Integer(string name, long value) =>
        new WireWriter().Text(AttributeName, name).Integer(AttributeInteger, value).Integer(AttributeType, IntegerType).ToArray();

    public static byte[] Integers(string name, params IReadOnlyList<long> values)
    {
        WireWriter attribute = new WireWriter().Text(AttributeName, name);
        foreach (long value in values)
            attribute.Integer(AttributeIntegers, value);
        return attribute.Integer(AttributeType, IntegersType).ToArray();
    }

    public static byte[] Tensor(string name, byte[] tensor) =>
        new WireWriter().Text(AttributeName, name).Message(AttributeTensor, tensor).Integer(AttributeType, TensorTypeNumber).ToArray();

    /// <summary>The node with other inputs and another output; all its other fields are kept, attributes named in <paramref name="without"/> excepted.</summary>
    public byte[] Changed(OnnxNode node, IReadOnlyList<string> inputs, string output, string? name = null, params IReadOnlyList<string> without)
    {
        var changed = new WireWriter();
        foreach (string input in inputs)
            changed.Text(NodeInput, input);
        changed.Text(NodeOutput, output);
        foreach (WireField field in reader.Fields(node.Field))
            if (field.Number == NodeName && name is not null)
                changed.Text(NodeName, name);
            else if (field.Number is not (NodeInput or NodeOutput) && !(field.Number == NodeAttribute && without.Contains(NameOf(field))))
                changed.Raw(reader.Bytes(field.Start, checked((int)(field.End - field.Start))));
        return new WireWriter().Message(GraphNode, changed).ToArray();
    }

    private string NameOf(WireField attribute)
    {
        foreach (WireField field in reader.Fields(attribute))
            if (field.Number == AttributeName)
                return reader.Text(field);
        return "";
    }
}
