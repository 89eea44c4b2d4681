namespace ClusterLp.Core.Formats.Onnx;

/// <summary>A name that a graph defines, and everything that uses it, in that graph or in the bodies inside it.</summary>
internal sealed class OnnxValue(string name, OnnxGraph graph)
{
    public string Name { get; } = name;
    public OnnxGraph Graph { get; } = graph;
    /// <summary>An initializer's or Constant's tensor, or null.</summary>
    public OnnxTensor? Tensor { get; set; }
    /// <summary>The node it comes out of, or null.</summary>
    public OnnxNode? Producer { get; set; }
    public List<OnnxUse> Uses { get; } = [];
    public bool IsGraphOutput { get; set; }
    /// <summary>Set where the name is defined once more in the same graph.</summary>
    public bool IsAmbiguous { get; set; }
}

/// <summary>A node's input.</summary>
internal sealed record OnnxUse(OnnxNode Node, int Input);

/// <summary>Every name of a model, resolved: inner names hide outer ones.</summary>
internal sealed class OnnxNames
{
    private readonly Dictionary<(OnnxNode, int), OnnxValue> _inputs = [];
    private readonly Dictionary<OnnxNode, OnnxValue> _outputs = [];
    private readonly Dictionary<OnnxTensor, OnnxValue> _tensors = [];

    /// <summary>All names of values and nodes, wherever they are defined.</summary>
    public HashSet<string> Taken { get; } = [];

    public OnnxNames(OnnxGraph graph) => Resolve(graph, null);

    /// <summary>The value a tensor defines.</summary>
    public OnnxValue Of(OnnxTensor tensor) => _tensors[tensor];

    /// <summary>The value a node's only output defines.</summary>
    public OnnxValue OutputOf(OnnxNode node) => _outputs[node];

    /// <summary>The value at a node's input; null where the name is not defined or left out.</summary>
    public OnnxValue? At(OnnxNode node, int input) => _inputs.GetValueOrDefault((node, input));

    private sealed record Scope(Dictionary<string, OnnxValue> Values, Scope? Outer);

    private void Resolve(OnnxGraph graph, Scope? outer)
    {
        var scope = new Scope([], outer);
        OnnxValue Define(string name)
        {
            Taken.Add(name);
            if (scope.Values.TryGetValue(name, out OnnxValue? known))
                return known;
            return scope.Values[name] = new OnnxValue(name, graph);
        }

        foreach (OnnxEntry input in graph.Inputs)
            Define(input.Name);
        foreach (OnnxTensor tensor in graph.Initializers)
        {
            OnnxValue value = Define(tensor.Name);
            value.IsAmbiguous |= value.Tensor is not null;
            value.Tensor = tensor;
            _tensors[tensor] = value;
        }
        foreach (OnnxNode node in graph.Nodes)
        {
            Taken.Add(node.Name);
            foreach (string output in node.Outputs.Where(output => output.Length > 0))
            {
                OnnxValue value = Define(output);
                value.IsAmbiguous |= value.Tensor is not null || value.Producer is not null;
                value.Producer = node;
                _outputs[node] = value;
                if (node.Constant is { } constant)
                {
                    value.Tensor = constant;
                    _tensors[constant] = value;
                }
            }
        }
        foreach (OnnxNode node in graph.Nodes)
        {
            for (int i = 0; i < node.Inputs.Count; i++)
                if (node.Inputs[i].Length > 0 && Find(scope, node.Inputs[i]) is { } value)
                {
                    value.Uses.Add(new OnnxUse(node, i));
                    _inputs[(node, i)] = value;
                }
            foreach (OnnxGraph body in node.Bodies)
                Resolve(body, scope);
        }
        foreach (OnnxEntry output in graph.Outputs)
            if (Find(scope, output.Name) is { } value)
                value.IsGraphOutput = true;
    }

    private static OnnxValue? Find(Scope? scope, string name)
    {
        for (; scope is not null; scope = scope.Outer)
            if (scope.Values.TryGetValue(name, out OnnxValue? value))
                return value;
        return null;
    }
}
