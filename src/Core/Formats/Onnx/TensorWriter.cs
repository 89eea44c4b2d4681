using System.Globalization;
using static ClusterLp.Core.Formats.Onnx.OnnxFields;

namespace ClusterLp.Core.Formats.Onnx;

/// <summary>Writes the parts of TensorProto messages and of the types that describe them.</summary>
internal static class TensorWriter
{
    /// <summary>A tensor without its elements.</summary>
    public static WireWriter Header(string name, int type, IReadOnlyList<long> shape)
    {
        var tensor = new WireWriter();
        foreach (long extent in shape)
            tensor.Integer(TensorDimensions, extent);
        tensor.Integer(TensorType, type);
        return name.Length > 0 ? tensor.Text(TensorName, name) : tensor;
    }

    /// <summary>Where a tensor's elements lie outside the model file.</summary>
    public static byte[] External(string location, long offset, long length) => new WireWriter()
        .Message(TensorExternal, Entry("location", location))
        .Message(TensorExternal, Entry("offset", offset.ToString(CultureInfo.InvariantCulture)))
        .Message(TensorExternal, Entry("length", length.ToString(CultureInfo.InvariantCulture)))
        .ToArray();

    /// <summary>A graph's input that a factor may be replaced by, as a field of the graph.</summary>
    public static byte[] Input(string name, int type, IReadOnlyList<long> shape)
    {
        var dimensions = new WireWriter();
        foreach (long extent in shape)
            dimensions.Message(1, new WireWriter().Integer(1, extent));
        var tensorType = new WireWriter().Integer(1, type).Message(2, dimensions);
        return new WireWriter().Message(GraphInput, new WireWriter().Text(ValueName, name).Message(ValueTyping, new WireWriter().Message(1, tensorType))).ToArray();
    }

    private static WireWriter Entry(string key, string value) => new WireWriter().Text(EntryKey, key).Text(EntryValue, value);
}
