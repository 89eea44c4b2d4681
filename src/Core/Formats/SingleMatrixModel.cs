using ClusterLp.Core.Formats.WordVectors;

namespace ClusterLp.Core.Formats;

/// <summary>A model that is one matrix in one file (.npy, sparse .npz, word vectors), named after the file's stem.</summary>
internal sealed class SingleMatrixModel : IModel
{
    private readonly Func<IMatrixSource> _open;
    private readonly InputFile _file;
    private readonly IDisposable? _owned;
    private readonly Lazy<IReadOnlyList<string>?> _vocabulary;

    /// <param name="file">Owned from now on.</param>
    /// <param name="tensor">The matrix; its name is the file's stem.</param>
    /// <param name="open">Makes a source that shares <paramref name="file"/>.</param>
    /// <param name="vocabulary">Reads the row names, when first asked for; null where the format has none.</param>
    /// <param name="vectors">Writes the file with other numbers; null where that is not supported.</param>
    /// <param name="owned">Disposed with the model; null: nothing.</param>
    public SingleMatrixModel(InputFile file, TensorInfo tensor, Func<IMatrixSource> open, Func<IReadOnlyList<string>>? vocabulary = null,
        IWordVectors? vectors = null, IDisposable? owned = null)
    {
        (_file, _open, Vectors, _owned) = (file, open, vectors, owned);
        Tensors = [tensor];
        Files = [file.Path];
        _vocabulary = new(() => vocabulary?.Invoke());
    }

    public string Path => _file.Path;
    public IReadOnlyList<TensorInfo> Tensors { get; }
    public IReadOnlyList<string> Files { get; }

    /// <summary>Set for word vectors.</summary>
    public IWordVectors? Vectors { get; }

    public IReadOnlyList<string>? Vocabulary => _vocabulary.Value;

    public IMatrixSource OpenMatrix(string tensor) => tensor == Tensors[0].Name
        ? _open()
        : throw _file.Bad($"there is no tensor \"{tensor}\"; the file holds only \"{Tensors[0].Name}\".");

    private int _disposed;

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _owned?.Dispose();
        _file.Dispose();
    }
}
