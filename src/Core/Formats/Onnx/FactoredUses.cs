namespace ClusterLp.Core.Formats.Onnx;

/// <summary>
/// Makes the nodes that use a matrix W use its factors: W = L R, L rows x k, R k x columns. A product with W becomes two with
/// the thinner ones, in the order that keeps the small side in between; Transpose, Identity and Cast of W become those of the
/// factors, and what uses them is changed in turn.
/// </summary>
/// <param name="model">The graph's names, resolved.</param>
/// <param name="opset">Version of the standard operators.</param>
/// <param name="writer">Writes the nodes.</param>
/// <param name="fresh">Makes a name that is not taken yet, from a proposal.</param>
internal sealed class FactoredUses(OnnxNames model, long opset, NodeWriter writer, Func<string, string> fresh)
{
    /// <summary>Gemm without its third input.</summary>
    private const int OptionalAddend = 11;
    private const int BroadcastAddend = 7;

    /// <summary>Of nodes that only pass a matrix on; what exceeds it is not a model anyone trained.</summary>
    private const int LongestChain = 64;

    private readonly List<MessageEdit> _edits = [];
    private int _chain;

    /// <summary>Edits that replace the nodes.</summary>
    public IReadOnlyList<MessageEdit> Edits => _edits;

    /// <summary>Replaces every use of <paramref name="matrix"/>.</summary>
    /// <param name="matrix">W.</param>
    /// <param name="type">W's type.</param>
    /// <param name="left">Name of L.</param>
    /// <param name="right">Name of R.</param>
    /// <returns>Null, or why it cannot be done.</returns>
    public string? Replace(OnnxValue matrix, ElementType type, string left, string right)
    {
        if (matrix.IsAmbiguous)
            return $"\"{matrix.Name}\" is defined more than once";
        if (matrix.IsGraphOutput)
            return $"\"{matrix.Name}\" is an output of the graph";
        if (matrix.Graph.Annotations.Any(annotation => annotation.Name == matrix.Name))
            return $"\"{matrix.Name}\" has a quantization annotation";
        if (_chain == LongestChain)
            return $"more than {LongestChain} nodes pass it on to one another";
        foreach (OnnxEntry value in matrix.Graph.Values.Where(value => value.Name == matrix.Name))
            _edits.Add(new MessageEdit(value.Field));
        _chain++;
        foreach (OnnxUse use in matrix.Uses)
            if (Replace(use, matrix, type, left, right) is { } obstacle)
                return obstacle;
        _chain--;
        return null;
    }

    private string? Replace(OnnxUse use, OnnxValue matrix, ElementType type, string left, string right)
    {
        OnnxNode node = use.Node;
        if (node.Outputs.Count != 1)
            return Unsupported(node);
        if (node.Is("MatMul") && node.Inputs.Count == 2)
            return Other(use, matrix) ?? MatMul(node, use.Input, left, right);
        if (node.Is("Gemm") && node.Inputs.Count is 2 or 3 && use.Input < 2)
            return Other(use, matrix) ?? Gemm(node, use.Input, type, left, right);
        if (node.Is("Gather") && node.Inputs.Count == 2 && use.Input == 0)
            return Gather(node, left, right);
        if (!PassesOn(node))
            return Unsupported(node);
        if (node.Is("Transpose"))
            return Transpose(node, type, left, right);
        if (node.Is("Cast"))
            return Cast(node, left, right);
        _edits.Add(new MessageEdit(node.Field));
        return Replace(model.OutputOf(node), type, left, right);
    }

    // A product of two stored matrices would have to become a product of four factors, or of none.
    private string? Other(OnnxUse use, OnnxValue matrix)
    {
        OnnxValue? other = model.At(use.Node, 1 - use.Input);
        for (int i = 0; i < LongestChain && other is { Tensor: null, Producer: { } producer } && PassesOn(producer); i++)
            other = model.At(producer, 0);
        return other is not null && (other == matrix || other.Tensor is { IsMatrix: true })
            ? $"both operands of {use.Node} are stored matrices" : null;
    }

    // With one input, so that what passes a matrix on never passes it on to itself.
    private static bool PassesOn(OnnxNode node) => node.Inputs.Count == 1 && (node.Is("Transpose") || node.Is("Identity") || node.Is("Cast"));

    // x W = (x L) R; W x = L (R x).
    private string? MatMul(OnnxNode node, int input, string left, string right)
    {
        (string x, string between) = (node.Inputs[1 - input], Between(node));
        Put(node,
            NodeWriter.New("MatMul", First(node), input == 1 ? [x, left] : [right, x], between),
            writer.Changed(node, input == 1 ? [between, right] : [left, between], node.Outputs[0]));
        return null;
    }

    // W[i] = L[i] R.
    private string? Gather(OnnxNode node, string left, string right)
    {
        if (node.Integers.GetValueOrDefault("axis") is not (0 or -2))
            return $"{node} takes columns of it, not rows";
        string between = Between(node);
        Put(node,
            writer.Changed(node, [left, node.Inputs[1]], between, First(node)),
            NodeWriter.New("MatMul", node.Name, [between, right], node.Outputs[0]));
        return null;
    }

    // alpha op(A) op(B) + beta C, with op(W) = op(L) op(R) or, transposed, op(R) op(L): the second keeps alpha, beta and C.
    private string? Gemm(OnnxNode node, int input, ElementType type, string left, string right)
    {
        bool flipsA = node.Integers.GetValueOrDefault("transA") != 0, flipsB = node.Integers.GetValueOrDefault("transB") != 0;
        string between = Between(node), other = node.Inputs[1 - input];
        string[] addend = [.. node.Inputs.Skip(2)];
        bool isB = input == 1, flipped = isB ? flipsB : flipsA;
        (string inner, string outer) = flipped == isB ? (right, left) : (left, right);
        // Before the addend was optional: a plain product where nothing is transposed, else an addend of zero.
        bool plain = !flipsA && !flipsB;
        var nodes = new List<byte[]>();
        string[] zero = [];
        if (!plain && opset < OptionalAddend)
        {
            if (opset < BroadcastAddend)
                return $"{node} is of operator set {opset}; this needs {BroadcastAddend} or later";
            zero = [fresh(between + ".zero")];
            byte[] tensor = TensorWriter.Header("", OnnxTypes.NumberOf(type), [1]).Message(OnnxFields.TensorRaw, new byte[type.Size()]).ToArray();
            nodes.Add(NodeWriter.New("Constant", fresh(First(node) + ".zero"), [], zero[0], NodeWriter.Tensor("value", tensor)));
        }
        IEnumerable<string> operands = isB ? [other, inner] : [inner, other];
        nodes.Add(plain
            ? NodeWriter.New("MatMul", First(node), operands, between)
            : NodeWriter.New("Gemm", First(node), [.. operands, .. zero], between,
                NodeWriter.Integer("transA", flipsA ? 1 : 0), NodeWriter.Integer("transB", flipsB ? 1 : 0)));
        // What is between has op(A)'s rows and op(B)'s columns already; the outer factor is transposed as W was.
        nodes.Add(writer.Changed(node, [.. isB ? new[] { between, outer } : [outer, between], .. addend], node.Outputs[0], null, isB ? "transA" : "transB"));
        Put(node, [.. nodes]);
        return null;
    }

    private string? Transpose(OnnxNode node, ElementType type, string left, string right)
    {
        if (node.IntegerLists.TryGetValue("perm", out List<long>? order) && !(order is [1, 0] or [0, 1]))
            return Unsupported(node);
        string newLeft = fresh(node.Outputs[0] + ".U"), newRight = fresh(node.Outputs[0] + ".V");
        bool flips = order is not [0, 1];
        // (L R)^T = R^T L^T.
        Put(node,
            writer.Changed(node, [flips ? right : left], newLeft, fresh(NameOf(node) + ".U")),
            writer.Changed(node, [flips ? left : right], newRight, fresh(NameOf(node) + ".V")));
        return Replace(model.OutputOf(node), type, newLeft, newRight);
    }

    private string? Cast(OnnxNode node, string left, string right)
    {
        if (!OnnxTypes.TryParse(node.Integers.GetValueOrDefault("to"), out ElementType type) || !type.IsCompressible())
            return Unsupported(node);
        string newLeft = fresh(node.Outputs[0] + ".U"), newRight = fresh(node.Outputs[0] + ".V");
        Put(node,
            writer.Changed(node, [left], newLeft, fresh(NameOf(node) + ".U")),
            writer.Changed(node, [right], newRight, fresh(NameOf(node) + ".V")));
        return Replace(model.OutputOf(node), type, newLeft, newRight);
    }

    private string Between(OnnxNode node) => fresh(node.Outputs[0] + ".between");

    private string First(OnnxNode node) => fresh(NameOf(node) + ".first");

    private static string NameOf(OnnxNode node) => node.Name.Length > 0 ? node.Name : node.Outputs[0];

    private void Put(OnnxNode node, params IReadOnlyList<byte[]> nodes) =>
        _edits.Add(new MessageEdit(node.Field, [.. nodes.Select(bytes => new NewSegment(bytes))]));

    private static string Unsupported(OnnxNode node) =>
        $"it is used by {node}, which does not take factors";
}
