namespace ClusterLp.Core.Formats.Onnx;

/// <summary>
/// A model's data files without the matrices that are replaced, and with factors at their end. Every other tensor keeps its
/// bytes; where it moves, it keeps the alignment it had, up to a page.
/// </summary>
internal sealed class ExternalLayout
{
    private const int Page = 4096, Least = 64;

    private readonly OnnxModel _model;
    private readonly Dictionary<string, Content> _files = [];
    private readonly List<(OnnxTensor Tensor, long Offset)> _kept = [];

    private sealed class Content
    {
        public List<Segment> Segments { get; } = [];
        public long Length { get; private set; }

        public long Add(Segment segment, int alignment)
        {
            long padding = (alignment - Length % alignment) % alignment;
            if (padding > 0)
                Segments.Add(new NewSegment(new byte[padding]));
            long offset = Length + padding;
            Segments.Add(segment);
            Length = offset + segment.Length;
            return offset;
        }
    }

    public ExternalLayout(OnnxModel model, HashSet<OnnxTensor> replaced)
    {
        _model = model;
        // In the order of their places, so that a file without changes stays as it is; tensors that share their bytes go on doing so.
        foreach (string location in model.Data.Keys)
            _files[location] = new Content();
        foreach (IGrouping<(string Location, long Offset, long Length), OnnxTensor> range in model.External
            .Where(tensor => !replaced.Contains(tensor))
            .GroupBy(tensor => (tensor.External!.Location, tensor.External.Offset, tensor.ByteLength))
            .OrderBy(range => range.Key.Location, StringComparer.Ordinal).ThenBy(range => range.Key.Offset))
        {
            int alignment = range.Key.Offset % Page == 0 ? Page : range.Key.Offset % Least == 0 ? Least : 1;
            long offset = _files[range.Key.Location].Add(new CopiedSegment(model.Data[range.Key.Location], range.Key.Offset, range.Key.Length), alignment);
            _kept.AddRange(range.Select(tensor => (tensor, offset)));
        }
    }

    /// <summary>Puts a factor where its matrix' file ends, and returns the fields that say so.</summary>
    public byte[] Add(ExternalRange matrix, long length, Action<Stream> write) =>
        TensorWriter.External(matrix.Location, _files[matrix.Location].Add(new ElementsSegment(length, write), Page), length);

    /// <summary>Edits that tell the tensors that moved where they lie now.</summary>
    public IEnumerable<MessageEdit> Moved()
    {
        foreach ((OnnxTensor tensor, long offset) in _kept)
            if (tensor.External is { } range && range.Offset != offset)
            {
                byte[] where = TensorWriter.External(range.Location, offset, tensor.ByteLength);
                foreach ((int i, WireField entry) in range.Entries.Index())
                    yield return new MessageEdit(entry, i == 0 ? [new NewSegment(where)] : []);
            }
    }

    public IEnumerable<OnnxFile> Files() => _files.OrderBy(file => file.Key, StringComparer.Ordinal).Where(file => file.Value.Length > 0)
        .Select(file => new OnnxFile(file.Key, file.Value.Segments));
}
