using System.Globalization;
using static ClusterLp.Core.Formats.Onnx.OnnxFields;

namespace ClusterLp.Core.Formats.Onnx;

/// <summary>What of an .onnx file concerns its matrices: graphs, nodes, tensor headers.</summary>
internal sealed class OnnxParser
{
    private const int MostDepth = 64;
    private const int MostDimensions = 64;
    private const int MostListed = 1 << 16;

    private readonly InputFile _file;
    private readonly WireReader _reader;
    private readonly List<OnnxTensor> _tensors = [];
    private readonly List<OnnxTensor> _external = [];
    private bool _inFunction;

    public OnnxGraph Graph { get; } = new();
    public long IrVersion { get; private set; }

    /// <summary>Version of the standard operators.</summary>
    public long Opset { get; private set; } = 1;
    public bool HasTraining { get; private set; }

    /// <summary>Every initializer, and the constants of two or more dimensions, in file order.</summary>
    public IReadOnlyList<OnnxTensor> Tensors => _tensors;

    /// <summary>Every tensor whose elements lie in another file, wherever it stands.</summary>
    public IReadOnlyList<OnnxTensor> External => _external;

    /// <exception cref="ClusterLpException">Not such a file (exit 65).</exception>
    public OnnxParser(InputFile file)
    {
        using var reader = new WireReader(file);
        (_file, _reader) = (file, reader);
        bool found = false;
        foreach (WireField field in _reader.Fields(0, file.Length))
            switch (field.Number)
            {
                case ModelIrVersion:
                    IrVersion = _reader.Integer(field);
                    break;
                case ModelGraph when found:
                    throw _reader.Bad(field.Start, "there is a second graph");
                case ModelGraph:
                    ReadGraph(field, Graph, 0);
                    found = true;
                    break;
                case ModelOpset:
                    ReadOpset(field);
                    break;
                case ModelTraining:
                    HasTraining = true;
                    break;
                case ModelFunction:
                    ReadFunction(field);
                    break;
            }
        if (!found)
            throw file.Bad("not a usable ONNX model: it has no graph.");
    }

    // Its nodes see nothing of the graph; only what they keep in other files matters.
    private void ReadFunction(WireField function)
    {
        _inFunction = true;
        foreach (WireField field in _reader.Fields(function))
            if (field.Number == FunctionNode)
                ReadNode(field, 0);
        _inFunction = false;
    }

    private void ReadSparse(WireField sparse)
    {
        foreach (WireField field in _reader.Fields(sparse))
            if (field.Number is SparseValues or SparseIndices)
                ReadTensor(field);
    }

    private void Add(OnnxTensor tensor)
    {
        if (!_inFunction)
            _tensors.Add(tensor);
    }

    private void ReadOpset(WireField opset)
    {
        (string domain, long version) = ("", 1);
        foreach (WireField field in _reader.Fields(opset))
            if (field.Number == OpsetDomain)
                domain = _reader.Text(field);
            else if (field.Number == OpsetVersion)
                version = _reader.Integer(field);
        if (domain is "" or "ai.onnx")
            Opset = version;
    }

    private void ReadGraph(WireField message, OnnxGraph graph, int depth)
    {
        if (depth > MostDepth)
            throw _reader.Bad(message.Start, $"graphs are nested more than {MostDepth} deep");
        foreach (WireField field in _reader.Fields(message))
            switch (field.Number)
            {
                case GraphNode:
                    graph.Nodes.Add(ReadNode(field, depth));
                    break;
                case GraphInitializer:
                    OnnxTensor tensor = ReadTensor(field);
                    graph.Initializers.Add(tensor);
                    Add(tensor);
                    break;
                case GraphSparse:
                    ReadSparse(field);
                    break;
                case GraphInput:
                    graph.Inputs.Add(ReadEntry(field));
                    break;
                case GraphOutput:
                    graph.Outputs.Add(ReadEntry(field));
                    break;
                case GraphValue:
                    graph.Values.Add(ReadEntry(field));
                    break;
                case GraphAnnotation:
                    graph.Annotations.Add(ReadEntry(field));
                    break;
            }
    }

    private OnnxEntry ReadEntry(WireField entry)
    {
        string name = "";
        foreach (WireField field in _reader.Fields(entry))
            if (field.Number == ValueName)
                name = _reader.Text(field);
        return new OnnxEntry(name, entry);
    }

    private OnnxNode ReadNode(WireField message, int depth)
    {
        var node = new OnnxNode(message);
        foreach (WireField field in _reader.Fields(message))
            switch (field.Number)
            {
                case NodeInput:
                    node.Inputs.Add(_reader.Text(field));
                    break;
                case NodeOutput:
                    node.Outputs.Add(_reader.Text(field));
                    break;
                case NodeName:
                    node.Name = _reader.Text(field);
                    break;
                case NodeOperator:
                    node.Operator = _reader.Text(field);
                    break;
                case NodeDomain:
                    node.Domain = _reader.Text(field);
                    break;
                case NodeAttribute:
                    ReadAttribute(field, node, depth);
                    break;
            }
        if (node.Constant is { } constant)
        {
            if (!node.Is("Constant") || node.Outputs.Count != 1)
                node.Constant = null;
            else
            {
                (constant.Name, constant.Node) = (node.Outputs[0], node);
                if (constant.Shape.Count >= 2)
                    Add(constant);
            }
        }
        return node;
    }

    private void ReadAttribute(WireField message, OnnxNode node, int depth)
    {
        string name = "";
        long? integer = null;
        var integers = new List<long>();
        foreach (WireField field in _reader.Fields(message))
            switch (field.Number)
            {
                case AttributeName:
                    name = _reader.Text(field);
                    break;
                case AttributeInteger:
                    integer = _reader.Integer(field);
                    break;
                case AttributeIntegers:
                    _reader.Integers(field, integers, MostListed);
                    break;
                case AttributeTensor:
                    node.Constant = ReadTensor(field);
                    break;
                case AttributeTensors:
                    ReadTensor(field);
                    break;
                case AttributeSparse or AttributeSparses:
                    ReadSparse(field);
                    break;
                case AttributeGraph or AttributeGraphs:
                    var body = new OnnxGraph();
                    ReadGraph(field, body, depth + 1);
                    node.Bodies.Add(body);
                    break;
            }
        if (integer is { } value)
            node.Integers[name] = value;
        if (integers.Count > 0)
            node.IntegerLists[name] = integers;
    }

    private OnnxTensor ReadTensor(WireField message)
    {
        var tensor = new OnnxTensor(message);
        var external = new List<WireField>();
        var elements = new List<WireField>();
        bool isExternal = false;
        foreach (WireField field in _reader.Fields(message))
            switch (field.Number)
            {
                case TensorDimensions:
                    _reader.Integers(field, tensor.Shape, MostDimensions);
                    break;
                case TensorType:
                    tensor.TypeNumber = _reader.Integer(field);
                    break;
                case TensorName:
                    tensor.Name = _reader.Text(field);
                    break;
                case TensorSegment:
                    tensor.Unreadable = "the file holds only a segment of it";
                    break;
                case TensorFloats or TensorDoubles or TensorRaw:
                    elements.Add(field);
                    break;
                case TensorExternal:
                    external.Add(field);
                    break;
                case TensorLocation:
                    isExternal = _reader.Integer(field) == 1;
                    break;
            }
        Int128 bytes = tensor.Type?.Size() ?? 0;
        foreach (long extent in tensor.Shape)
            if (extent < 0 || (bytes *= extent) > long.MaxValue)
                throw _reader.Bad(message.Start, $"the shape [{string.Join(", ", tensor.Shape)}] of tensor \"{tensor.Name}\" cannot be");
        tensor.ByteLength = (long)bytes;
        if (isExternal)
        {
            tensor.External = ReadExternal(tensor, external);
            _external.Add(tensor);
        }
        else if (tensor.Type is not null)
            Locate(tensor, elements);
        return tensor;
    }

    // Lists of float and double are stored as raw data is; other types in lists are not, and are small or rare.
    private void Locate(OnnxTensor tensor, List<WireField> elements)
    {
        WireField? only = elements.Count == 1 ? elements[0] : null;
        bool asStored = only is { Type: WireType.LengthDelimited, Number: var number }
            && (number == TensorRaw || number == TensorFloats && tensor.Type == ElementType.F32 || number == TensorDoubles && tensor.Type == ElementType.F64);
        if (!asStored)
        {
            tensor.Unreadable ??= elements.Count > 1 ? "its numbers are stored in pieces; save the model with raw_data" : "its numbers are not stored as raw_data; save the model with raw_data";
            return;
        }
        if (only!.Value.Length != tensor.ByteLength)
            throw _reader.Bad(only.Value.Start, $"tensor \"{tensor.Name}\" of shape [{string.Join(", ", tensor.Shape)}] should have {tensor.ByteLength} bytes, but {only.Value.Length} are stored");
        tensor.Elements = only;
    }

    private ExternalRange ReadExternal(OnnxTensor tensor, List<WireField> entries)
    {
        var values = new Dictionary<string, string>();
        foreach (WireField entry in entries)
        {
            (string key, string value) = ("", "");
            foreach (WireField field in _reader.Fields(entry))
                if (field.Number == EntryKey)
                    key = _reader.Text(field);
                else if (field.Number == EntryValue)
                    value = _reader.Text(field);
            values[key] = value;
        }
        string what = $"the external data of tensor \"{tensor.Name}\"";
        if (!values.TryGetValue("location", out string? location) || location.Length == 0)
            throw _reader.Bad(tensor.Field.Start, $"{what} has no location");
        if (location.StartsWith('/') || location.Contains('\\') || location.Contains(':') || location.Contains('\0') || location.Split('/').Any(part => part is "" or ".."))
            throw _file.Bad($"{what} lies at \"{location}\", which leads outside the model's folder.");
        location = string.Join('/', location.Split('/').Where(part => part != "."));
        if (location.Length == 0)
            throw _reader.Bad(tensor.Field.Start, $"{what} has no location");
        long offset = Number("offset", 0), length = Number("length", tensor.ByteLength);
        if (tensor.Type is not null && length != tensor.ByteLength)
            throw _file.Bad($"{what} takes {length} bytes; shape [{string.Join(", ", tensor.Shape)}] needs {tensor.ByteLength}.");
        if (tensor.Type is null && !values.ContainsKey("length"))
            throw _reader.Bad(tensor.Field.Start, $"{what} has no length, which its type does not give");
        if (tensor.Type is null)
            tensor.ByteLength = length;
        return new ExternalRange(location, offset, entries);

        long Number(string key, long otherwise) => !values.TryGetValue(key, out string? text) ? otherwise
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value
            : throw _reader.Bad(tensor.Field.Start, $"{what} has the {key} \"{text}\"");
    }
}
