using ClusterLp.Core;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.FastText;

namespace ClusterLp.Cli.Demo;

/// <summary>
/// The best label of a text under a supervised fastText model: the mean of the text's input rows, then the output layer
/// (hierarchical softmax over the Huffman tree of label counts, or the largest score under the other losses).
/// The input matrix is given by the caller, so that a compressed one can be put in its place.
/// </summary>
internal sealed class LanguageIdentifier
{
    private readonly int _dim;
    private readonly float[] _output;
    private readonly HuffmanTree? _tree;

    /// <summary>Labels without their prefix, in the model's order.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <exception cref="ClusterLpException">The model is not a classifier (exit 65).</exception>
    public LanguageIdentifier(FastTextModel model)
    {
        if (model.Args.Kind != FastTextKind.Supervised || model.LabelCount == 0)
            throw ClusterLpException.BadInput($"{model.Path}: not a supervised fastText model: it has no labels to predict.");
        _dim = model.Args.Dim;
        _output = Dense(model.Output);
        FastTextEntry[] labels = [.. model.Entries.Skip(model.WordCount)];
        Labels = [.. labels.Select(label => label.Text.Replace("__label__", "", StringComparison.Ordinal))];
        if (model.Args.Loss == FastTextLoss.HierarchicalSoftmax)
            _tree = new HuffmanTree([.. labels.Select(label => label.Count)]);
    }

    /// <summary>All rows of a source, row-major float32.</summary>
    public static float[] Dense(IMatrixSource source)
    {
        int rows = checked((int)source.Rows);
        var dense = new float[rows * source.Columns];
        source.ReadRows(0, rows, dense);
        return dense;
    }

    /// <summary>Index of the best label, or -1 where the text uses no row.</summary>
    /// <param name="rows">From <see cref="FastTextFeatures.RowsOf"/>.</param>
    /// <param name="input">Input matrix, row-major, Dim columns.</param>
    public int Best(IReadOnlyList<int> rows, ReadOnlySpan<float> input)
    {
        if (rows.Count == 0)
            return -1;
        Span<float> mean = stackalloc float[_dim];
        mean.Clear();
        foreach (int row in rows)
            for (int j = 0; j < _dim; j++)
                mean[j] += input[row * _dim + j];
        for (int j = 0; j < _dim; j++)
            mean[j] /= rows.Count;

        var scores = new double[Labels.Count];
        for (int i = 0; i < scores.Length; i++)
            for (int j = 0; j < _dim; j++)
                scores[i] += (double)_output[i * _dim + j] * mean[j];
        return _tree?.Best(scores) ?? Array.IndexOf(scores, scores.Max());
    }
}
