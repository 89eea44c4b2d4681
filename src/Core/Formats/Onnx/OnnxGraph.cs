namespace ClusterLp.Core.Formats.Onnx;

/// <summary>A graph: a model's, or the body of an If, Loop or Scan. Its nodes see the names of the graphs around it.</summary>
internal sealed class OnnxGraph
{
    public List<OnnxNode> Nodes { get; } = [];
    public List<OnnxTensor> Initializers { get; } = [];
    public List<OnnxEntry> Inputs { get; } = [];
    public List<OnnxEntry> Outputs { get; } = [];
    /// <summary>Types and shapes of values, which may be given.</summary>
    public List<OnnxEntry> Values { get; } = [];
    public List<OnnxEntry> Annotations { get; } = [];
}

/// <summary>A named entry of a graph's lists.</summary>
internal sealed record OnnxEntry(string Name, WireField Field);

/// <summary>An operator's application.</summary>
internal sealed class OnnxNode(WireField field)
{
    public WireField Field { get; } = field;
    public string Name { get; set; } = "";
    public string Operator { get; set; } = "";
    public string Domain { get; set; } = "";
    /// <summary>Names, empty where an optional input is left out.</summary>
    public List<string> Inputs { get; } = [];
    public List<string> Outputs { get; } = [];
    /// <summary>Integer attributes by name.</summary>
    public Dictionary<string, long> Integers { get; } = [];
    /// <summary>Attributes that are lists of integers, by name.</summary>
    public Dictionary<string, List<long>> IntegerLists { get; } = [];
    /// <summary>Graphs in the attributes.</summary>
    public List<OnnxGraph> Bodies { get; } = [];
    /// <summary>The tensor of a Constant node.</summary>
    public OnnxTensor? Constant { get; set; }

    /// <summary>Whether it is the standard's operator of that name, not a namesake of another domain.</summary>
    public bool Is(string standardOperator) => IsStandard && Operator == standardOperator;

    private bool IsStandard => Domain is "" or "ai.onnx";

    /// <summary>For messages: <c>MatMul "/encoder/proj"</c>.</summary>
    public override string ToString() =>
        (IsStandard ? Operator : $"{Domain}.{Operator}") + (Name.Length > 0 ? $" \"{Name}\"" : Outputs.Count > 0 ? $" (of \"{Outputs[0]}\")" : "");
}

/// <summary>A tensor's header, and where its elements lie.</summary>
internal sealed class OnnxTensor(WireField field)
{
    /// <summary>The field that holds it: of its graph, or of the attribute of its Constant node.</summary>
    public WireField Field { get; } = field;
    /// <summary>Initializer: its name. Constant: the name of the node's output.</summary>
    public string Name { get; set; } = "";
    public List<long> Shape { get; } = [];
    public long TypeNumber { get; set; }
    /// <summary>The field of the elements, where they lie in the model file as one run of little-endian numbers.</summary>
    public WireField? Elements { get; set; }
    public ExternalRange? External { get; set; }
    /// <summary>Why the elements cannot be read in place; null where they can.</summary>
    public string? Unreadable { get; set; }
    /// <summary>The Constant node it belongs to, or null.</summary>
    public OnnxNode? Node { get; set; }

    /// <summary>Bytes of the elements; 0 for types without a fixed size.</summary>
    public long ByteLength { get; set; }

    public ElementType? Type => OnnxTypes.TryParse(TypeNumber, out ElementType type) ? type : null;

    public bool IsMatrix => Type is { } type && type.IsCompressible() && Shape.Count == 2 && Shape[0] > 0 && Shape[1] > 0;
}

/// <summary>Elements in a file beside the model.</summary>
/// <param name="Location">The file, relative to the model's folder, as the model names it.</param>
/// <param name="Offset">Where they begin.</param>
/// <param name="Entries">The fields that say so.</param>
internal sealed record ExternalRange(string Location, long Offset, IReadOnlyList<WireField> Entries);
