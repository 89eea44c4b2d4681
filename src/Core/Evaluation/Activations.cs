using ClusterLp.Core.Formats;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.Evaluation;

/// <summary>
/// What a layer reads, as far as its output errors need it: G = X^T X for X (m x d), since ||X E^T||_F^2 is the sum over rows
/// e of E of e G e^T. X is streamed once, however large m is.
/// </summary>
internal sealed class Activations
{
    private readonly PackedMatrix<double> _gram;

    private Activations(long inputs, PackedMatrix<double> gram) => (Inputs, _gram) = (inputs, gram);

    /// <summary>m.</summary>
    public long Inputs { get; }

    /// <summary>O(m d^2), float64 sums.</summary>
    /// <param name="path">A .npy of m x d, or any model file of one such matrix.</param>
    /// <param name="d">Columns of the layer.</param>
    /// <param name="layer">Its name, for the message.</param>
    /// <param name="cancellation">Checked at every tile.</param>
    /// <exception cref="ClusterLpException">Missing (exit 66), not a finite m x d matrix (65).</exception>
    public static Activations Read(string path, int d, string layer, CancellationToken cancellation)
    {
        using IModel model = ModelFiles.Open(path);
        if (model.Tensors.Count != 1)
            throw ClusterLpException.BadInput($"{path}: holds {model.Tensors.Count} tensors; expected one matrix of activations (.npy).");
        using IMatrixSource x = model.OpenMatrix(model.Tensors[0].Name);
        if (x.Columns != d)
            throw ClusterLpException.BadInput($"{path}: the activations are {x.Rows} x {x.Columns}, but \"{layer}\" has {d} columns; expected X of m x {d}, "
                + $"whose outputs are X A^T{(x.Rows == d ? ": transpose it" : "")}.");
        double[] gram = StreamedGram.Of(x, cancellation, look: (rows, first, _) =>
        {
            if (PowerSums.FirstNonFinite(rows) is var bad and >= 0)
                throw ClusterLpException.BadInput($"{path}: the entry at row {first + bad / d}, column {bad % d} (counted from 0) is not finite.");
        });
        return new Activations(x.Rows, PackedMatrix<double>.FromRows(gram, d, d));
    }

    /// <summary>||X E^T||_F^2 for rows E (count x d row-major).</summary>
    public double Squares(ReadOnlySpan<float> rows, int count)
    {
        int d = _gram.Inner;
        var products = new double[count * d];
        Gemm.Multiply(rows, d, count, _gram, products, d);
        double sum = 0;
        for (int i = 0; i < products.Length; i++)
            sum += products[i] * rows[i];
        return sum;
    }
}
