using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.Evaluation;

/// <summary>
/// A layer A (n x d) beside its stored factors U (n x k) and V (k x d) and the SVD of the same rank, read in row blocks.
/// Thread-safe; holds V and the SVD's d x d projection.
/// </summary>
internal sealed class LayerFactors : IDisposable
{
    private readonly IMatrixSource _a, _u;
    private readonly PackedMatrix<float> _v, _projection;

    private LayerFactors(IMatrixSource a, IMatrixSource u, PackedMatrix<float> v, PackedMatrix<float> projection) =>
        (_a, _u, _v, _projection) = (a, u, v, projection);

    public long Rows => _a.Rows;

    public int Columns => _a.Columns;

    public int Rank => _u.Columns;

    /// <summary>Reads V; the baseline's pass over A is the caller's.</summary>
    /// <param name="report">What was reported of the layer.</param>
    /// <param name="input">The model it comes from.</param>
    /// <param name="output">The compressed one.</param>
    /// <param name="baseline">Finds the SVD's d x d projection, given A and k: A times it is the SVD.</param>
    /// <exception cref="ClusterLpException">A tensor is missing or has another shape (exit 65).</exception>
    public static LayerFactors Open(TensorReport report, IModel input, IModel output, Func<IMatrixSource, int, double[]> baseline)
    {
        FactorNames names = FactorNames.For(input, report.Name);
        IMatrixSource a = input.OpenMatrix(report.Name);
        IMatrixSource? u = null;
        try
        {
            u = output.OpenMatrix(names.U);
            using IMatrixSource v = names.OpenTransposedV(output);
            (int d, int k) = (a.Columns, u.Columns);
            if (u.Rows != a.Rows || v.Rows != d || v.Columns != k)
                throw ClusterLpException.BadInput($"{output.Path}: the factors of \"{report.Name}\" are {u.Rows} x {k} and {v.Rows} x {v.Columns}; "
                    + $"expected {a.Rows} x k and {d} x k, as the layer of {input.Path} is {a.Rows} x {d}.");
            var transposed = new float[d * k];
            v.ReadRows(0, d, transposed);
            float[] projection = Array.ConvertAll(baseline(a, k), x => (float)x);
            return new LayerFactors(a, u, PackedMatrix<float>.FromTransposed(transposed, k, d), PackedMatrix<float>.FromRows(projection, d, d));
        }
        catch
        {
            u?.Dispose();
            a.Dispose();
            throw;
        }
    }

    /// <summary>Reads A's rows [firstRow, firstRow + count) and computes those of U V and of the SVD: each count x d, float32.</summary>
    public void Read(long firstRow, int count, LayerRows to)
    {
        _a.ReadRows(firstRow, count, to.Original);
        _u.ReadRows(firstRow, count, to.Left);
        Gemm.Multiply(to.Left, Rank, count, _v, to.Ours, Columns);
        Gemm.Multiply(to.Original, Columns, count, _projection, to.Svd, Columns);
    }

    public void Dispose()
    {
        _a.Dispose();
        _u.Dispose();
    }
}

/// <summary>Room for a block of <paramref name="most"/> rows of a layer, d columns and rank k.</summary>
internal sealed class LayerRows(int most, int d, int k)
{
    public int Most => most;
    public float[] Original { get; } = new float[most * d];
    public float[] Left { get; } = new float[most * k];
    public float[] Ours { get; } = new float[most * d];
    public float[] Svd { get; } = new float[most * d];
}
