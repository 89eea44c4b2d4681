using static ClusterLp.Core.Formats.Onnx.OnnxFields;

namespace ClusterLp.Core.Formats.Onnx;

/// <summary>A matrix to be replaced, and what is to take its place.</summary>
/// <param name="Tensor">Its name.</param>
/// <param name="Rank">k.</param>
/// <param name="Type">Element type of the factors.</param>
/// <param name="U">Streams U, rows x k.</param>
/// <param name="V">Streams V, k x columns.</param>
/// <param name="Product">Streams U V in the matrix' own type.</param>
internal sealed record OnnxReplacement(
    string Tensor, int Rank, ElementType Type, Action<Stream> U, Action<Stream> V, Action<Stream> Product);

/// <summary>A file to be written.</summary>
internal sealed record OnnxFile(string Name, IReadOnlyList<Segment> Segments)
{
    public long Length => Segments.Sum(segment => segment.Length);
}

/// <summary>
/// What a model's files become: every byte of the input's, but for the replaced matrices, the nodes that use them and the
/// offsets of external data.
/// </summary>
internal static class OnnxLayout
{
    private const long LargestMessage = int.MaxValue;

    /// <summary>The model with factors in the place of matrices; its files keep their names.</summary>
    /// <exception cref="ClusterLpException">A node cannot be changed (exit 65).</exception>
    public static IReadOnlyList<OnnxFile> Factorised(OnnxModel model, IReadOnlyList<OnnxReplacement> replaced)
    {
        using var reader = new WireReader(model.File);
        var writer = new NodeWriter(reader);
        HashSet<string> taken = [.. model.Names.Taken];
        var external = new ExternalLayout(model, [.. replaced.Select(r => model.Find(r.Tensor))]);
        var edits = new List<MessageEdit>();
        foreach (OnnxReplacement matrix in replaced)
        {
            (string u, string v, _) = OnnxFactors.NamesOf(matrix.Tensor);
            taken.UnionWith([u, v]);
            OnnxTensor tensor = model.Find(matrix.Tensor);
            OnnxValue value = model.Names.Of(tensor);
            long[] shapeU = [tensor.Shape[0], matrix.Rank], shapeV = [matrix.Rank, tensor.Shape[1]];
            int type = OnnxTypes.NumberOf(matrix.Type);
            var content = new List<Segment>();
            content.AddRange(Stored(u, shapeU, matrix.U));
            content.AddRange(Stored(v, shapeV, matrix.V));
            var casts = new List<Segment>();
            (string left, string right) = (u, v);
            if (matrix.Type != tensor.Type)
            {
                (left, right) = (Fresh(u + ".cast"), Fresh(v + ".cast"));
                byte[] to = NodeWriter.Integer("to", tensor.TypeNumber);
                casts.Add(new NewSegment(NodeWriter.New("Cast", left, [u], left, to)));
                casts.Add(new NewSegment(NodeWriter.New("Cast", right, [v], right, to)));
            }
            if (tensor.Node is { } constant)
                edits.Add(new MessageEdit(constant.Field, [.. content, .. casts]));
            else
            {
                edits.Add(new MessageEdit(tensor.Field, content));
                if (casts.Count > 0)
                    edits.Add(new MessageEdit(value.Graph.Nodes[0].Field.Start, value.Graph.Nodes[0].Field.Start, casts));
                foreach (OnnxEntry input in value.Graph.Inputs.Where(input => input.Name == matrix.Tensor))
                    edits.Add(new MessageEdit(input.Field, new NewSegment(TensorWriter.Input(u, type, shapeU)), new NewSegment(TensorWriter.Input(v, type, shapeV))));
            }
            var uses = new FactoredUses(model.Names, model.Opset, writer, Fresh);
            if (uses.Replace(value, tensor.Type!.Value, left, right) is { } obstacle)
                throw model.File.Bad($"tensor \"{matrix.Tensor}\" cannot be compressed: {obstacle}.");
            edits.AddRange(uses.Edits);

            IEnumerable<Segment> Stored(string name, long[] shape, Action<Stream> write)
            {
                long length = shape[0] * shape[1] * matrix.Type.Size();
                WireWriter header = TensorWriter.Header(name, type, shape);
                var elements = new List<Segment>();
                if (tensor.External is { } range)
                    header.Raw(external.Add(range, length, write)).Integer(TensorLocation, 1);
                else
                {
                    header.Header(TensorRaw, length);
                    elements.Add(new ElementsSegment(length, write));
                }
                return Field(tensor, name, header.ToArray(), elements);
            }
        }
        return [Message(model, edits.Concat(external.Moved()), System.IO.Path.GetFileName(model.Path)), .. external.Files()];

        string Fresh(string proposal)
        {
            string name = proposal;
            for (int i = 2; !taken.Add(name); i++)
                name = $"{proposal}.{i}";
            return name;
        }
    }

    /// <summary>
    /// The graph as it is, with the products in the matrices' places: beside the factorised model, whose data files it shares;
    /// products whose matrices were external go to a data file of their own.
    /// </summary>
    public static IReadOnlyList<OnnxFile> Dense(OnnxModel model, IReadOnlyList<OnnxReplacement> replaced)
    {
        string name = System.IO.Path.GetFileNameWithoutExtension(model.Path) + ".dense.onnx", data = name + ".data";
        var external = new ExternalLayout(model, [.. replaced.Select(r => model.Find(r.Tensor))]);
        var edits = new List<MessageEdit>();
        var products = new List<Segment>();
        foreach (OnnxReplacement matrix in replaced)
        {
            OnnxTensor tensor = model.Find(matrix.Tensor);
            var elements = new ElementsSegment(tensor.ByteLength, matrix.Product);
            if (tensor.External is { } range)
            {
                byte[] where = TensorWriter.External(data, products.Sum(product => product.Length), tensor.ByteLength);
                edits.AddRange(range.Entries.Select((entry, i) => new MessageEdit(entry, i == 0 ? [new NewSegment(where)] : [])));
                products.Add(elements);
            }
            else
                edits.Add(new MessageEdit(tensor.Elements!.Value, new NewSegment(new WireWriter().Header(TensorRaw, tensor.ByteLength).ToArray()), elements));
        }
        OnnxFile[] dense = [Message(model, edits.Concat(external.Moved()), name)];
        return products.Count > 0 ? [.. dense, new OnnxFile(data, products)] : dense;
    }

    // An initializer, or a Constant node, as its matrix was.
    private static IEnumerable<Segment> Field(OnnxTensor matrix, string name, byte[] header, List<Segment> elements)
    {
        long length = header.Length + elements.Sum(segment => segment.Length);
        if (matrix.Node is null)
            return [new NewSegment(new WireWriter().Header(GraphInitializer, length).Raw(header).ToArray()), .. elements];
        byte[] before = new WireWriter().Text(AttributeName, "value").Integer(AttributeType, 4).Header(AttributeTensor, length).Raw(header).ToArray();
        long attribute = before.Length + elements.Sum(segment => segment.Length);
        byte[] node = new WireWriter().Text(NodeOutput, name).Text(NodeName, name).Text(NodeOperator, "Constant").Header(NodeAttribute, attribute).Raw(before).ToArray();
        return [new NewSegment(new WireWriter().Header(GraphNode, node.Length + elements.Sum(segment => segment.Length)).Raw(node).ToArray()), .. elements];
    }

    private static OnnxFile Message(OnnxModel model, IEnumerable<MessageEdit> edits, string name)
    {
        var file = new OnnxFile(name, MessageEdit.Apply(model.File, edits));
        return file.Length <= LargestMessage ? file : throw model.File.Bad(
            $"{name} would take {file.Length} bytes, more than the 2 GiB protobuf allows a message; choose a narrower element type or a lower rank.");
    }
}
