using ClusterLp.Core.FactorModels;
using ClusterLp.Core.Formats.Onnx;

namespace ClusterLp.Core.Formats.Output;

/// <summary>
/// The names under which factors are stored: what <c>nn.Sequential(nn.Embedding(n, k), nn.Linear(k, d, bias=False))</c> in
/// the place of <c>X</c> loads.
/// </summary>
/// <param name="U">X.0.weight, n x k.</param>
/// <param name="V">X.1.weight, d x k: V transposed. In an ONNX graph, X.V, k x d.</param>
/// <param name="Dense">The old name, for a dense U V.</param>
public sealed record FactorNames(string U, string V, string Dense)
{
    private const string First = ".0.weight", Second = ".1.weight";
    private const string Suffix = ".weight";

    /// <summary>
    /// X is the tensor's name without <c>.weight</c>, the whole name where it does not end so; for a file that is one
    /// matrix (.npy, word vectors, fastText), the file's stem.
    /// </summary>
    public static FactorNames For(IModel model, string tensor)
    {
        if (model is OnnxModel)
            return OnnxFactors.NamesOf(tensor);
        string name = model is Safetensors.SafetensorsModel ? tensor : Path.GetFileNameWithoutExtension(model.Path);
        string x = model is Safetensors.SafetensorsModel && name.EndsWith(Suffix, StringComparison.Ordinal) ? name[..^Suffix.Length] : name;
        return new FactorNames(x + First, x + Second, name);
    }

    /// <summary>The name of another part of the tensor: X.part.</summary>
    public string Part(string part) => U[..^First.Length] + "." + part;

    /// <summary>V as a matrix of d rows and k columns, however the model holds it.</summary>
    /// <exception cref="ClusterLpException">It is not there (exit 65).</exception>
    public IMatrixSource OpenTransposedV(IModel model) => model is OnnxModel onnx ? onnx.OpenTransposed(V) : model.OpenMatrix(V);

    /// <summary>Checks that no factor takes the name of another tensor of the model or of another factor.</summary>
    /// <param name="model">The input.</param>
    /// <param name="form">What is stored of each.</param>
    /// <param name="compressed">The tensors to be replaced by factors.</param>
    /// <exception cref="ClusterLpException">Two tensors of the output would have one name (exit 65).</exception>
    internal static void EnsureDistinct(IModel model, IFactorModel form, IReadOnlyCollection<string> compressed)
    {
        HashSet<string> taken = [.. model.Tensors.Select(tensor => tensor.Name)];
        foreach (string tensor in compressed)
        {
            foreach (string factor in form.StoredNames(For(model, tensor)))
                if (!taken.Add(factor))
                    throw ClusterLpException.BadInput($"{model.Path}: a factor of \"{tensor}\" would be stored as \"{factor}\", "
                        + "a name another tensor has already; leave one of the two out.");
        }
    }
}
