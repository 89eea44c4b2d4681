using ClusterLp.Core.Formats.Output;

namespace ClusterLp.Core.Formats.Onnx;

/// <summary>
/// An .onnx file, with the data files beside it. Its tensors are the initializers of its graphs, and their constants of two
/// or more dimensions.
/// </summary>
internal sealed class OnnxModel : IModel
{
    private readonly OnnxParser _parser;
    private readonly Dictionary<string, OnnxTensor> _tensors = [];
    private readonly HashSet<string> _repeated = [];
    private readonly Dictionary<string, InputFile> _data = new(StringComparer.Ordinal);

    public string Path => File.Path;
    public IReadOnlyList<TensorInfo> Tensors { get; }
    public IReadOnlyList<string> Files { get; }
    public IReadOnlyList<string>? Vocabulary => null;

    /// <summary>The .onnx file itself.</summary>
    public InputFile File { get; }
    public OnnxGraph Graph => _parser.Graph;
    public OnnxNames Names { get; }
    public long Opset => _parser.Opset;

    /// <summary>Every tensor whose elements lie in another file.</summary>
    public IReadOnlyList<OnnxTensor> External => _parser.External;

    /// <summary>The files of external data, by the location the model names them by.</summary>
    public IReadOnlyDictionary<string, InputFile> Data => _data;

    private OnnxModel(InputFile file)
    {
        File = file;
        _parser = new OnnxParser(file);
        try
        {
            Names = new OnnxNames(_parser.Graph);
            var tensors = new List<TensorInfo>();
            foreach (OnnxTensor tensor in _parser.External)
                Open(tensor, tensor.External!);
            foreach (OnnxTensor tensor in _parser.Tensors)
                // Branches may give different tensors one name; those after the first are carried over, and cannot be chosen.
                if (!_tensors.TryAdd(tensor.Name, tensor))
                    _repeated.Add(tensor.Name);
                else if (tensor.Type is { } type && tensor.Name.Length > 0)
                    tensors.Add(new TensorInfo(tensor.Name, type, tensor.Shape, tensor.ByteLength));
            Tensors = tensors;
            Files = [file.Path, .. _data.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Value.Path)];
        }
        catch
        {
            Close();
            throw;
        }
    }

    /// <summary>Takes over <paramref name="file"/>, also where it throws.</summary>
    /// <exception cref="ClusterLpException">Not an ONNX model (exit 65), or a file of its data is missing (66).</exception>
    public static OnnxModel Open(InputFile file)
    {
        try
        {
            return new OnnxModel(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <exception cref="ClusterLpException">No such tensor (exit 65).</exception>
    public OnnxTensor Find(string tensor) => _tensors.TryGetValue(tensor, out OnnxTensor? found)
        ? found
        : throw File.Bad($"there is no tensor \"{tensor}\".");

    /// <summary>The file and offset of a tensor's elements.</summary>
    /// <exception cref="ClusterLpException">They are not stored in one piece (exit 65).</exception>
    public (InputFile File, long Offset) Elements(OnnxTensor tensor) =>
        tensor.External is { } external ? (_data[external.Location], external.Offset)
        : tensor.Elements is { } elements ? (File, elements.Payload)
        : throw File.Bad($"tensor \"{tensor.Name}\": {tensor.Unreadable ?? "it has no elements"}.");

    public IMatrixSource OpenMatrix(string name) => Open(name, transposed: false);

    /// <summary>The transpose of a matrix, read in place.</summary>
    public IMatrixSource OpenTransposed(string name) => Open(name, transposed: true);

    private StoredMatrix Open(string name, bool transposed)
    {
        OnnxTensor tensor = Find(name);
        if (!tensor.IsMatrix || tensor.Shape[transposed ? 0 : 1] > int.MaxValue)
            throw File.Bad($"tensor \"{name}\" is {tensor.Type} [{string.Join(", ", tensor.Shape)}]; expected a floating matrix.");
        (InputFile file, long offset) = Elements(tensor);
        return transposed
            ? new StoredMatrix(file, name, tensor.Shape[1], (int)tensor.Shape[0], offset, tensor.Type!.Value, order: ElementOrder.Fortran)
            : new StoredMatrix(file, name, tensor.Shape[0], (int)tensor.Shape[1], offset, tensor.Type!.Value);
    }

    public string? Obstacle(string name, ElementType factors)
    {
        OnnxTensor tensor = Find(name);
        OnnxValue matrix = Names.Of(tensor);
        if (_repeated.Contains(name))
            return "the file has more than one tensor of that name";
        if (tensor.Unreadable is { } reason)
            return reason;
        if (_parser.HasTraining)
            return "the model carries training information, which names it";
        if (matrix.Uses.Count == 0 && !matrix.IsGraphOutput)
            return "no node of the graph uses it";
        if (factors != tensor.Type && factors == ElementType.BF16 && Opset < BFloat16Opset)
            return $"bfloat16 factors need operator set {BFloat16Opset}, and the model uses {Opset}";
        FactorNames factorNames = OnnxFactors.NamesOf(name);
        foreach (string factor in new[] { factorNames.U, factorNames.V })
            if (Names.Taken.Contains(factor))
                return $"the name \"{factor}\", which one of its factors would have, is taken";
        using var reader = new WireReader(File);
        return new FactoredUses(Names, Opset, new NodeWriter(reader), name => name).Replace(matrix, tensor.Type!.Value, factorNames.U, factorNames.V);
    }

    private const int BFloat16Opset = 13;

    private int _disposed;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        Close();
        File.Dispose();
    }

    private void Close()
    {
        foreach (InputFile file in _data.Values)
            file.Dispose();
    }

    private void Open(OnnxTensor tensor, ExternalRange external)
    {
        if (!_data.TryGetValue(external.Location, out InputFile? data))
        {
            string path = Storage.StoredFiles.Combine(Storage.StoredFiles.Parent(File.Path)!, external.Location);
            if (!Storage.StoredFiles.Exists(path))
                throw ClusterLpException.InputMissing($"{File.Path}: the data of tensor \"{tensor.Name}\" should lie in \"{external.Location}\", and there is no such file.");
            _data.Add(external.Location, data = InputFile.Open(path));
        }
        if (external.Offset > data.Length - tensor.ByteLength)
            throw data.Bad($"tensor \"{tensor.Name}\" should have {tensor.ByteLength} bytes at offset {external.Offset}, but the file has {data.Length} bytes.");
    }
}
