using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Jobs.Steps;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;

namespace ClusterLp.Core.FactorModels.Simplex;

/// <summary>Columns that rows are multiplied by, d x t float64. Immutable; thread-safe.</summary>
internal sealed class RightFactor
{
    private readonly Lazy<PackedMatrix<double>> _packed;
    private readonly Lazy<double[]> _byColumn;

    /// <param name="vectors">t vectors of d numbers, row-major.</param>
    /// <param name="count">t.</param>
    /// <param name="d">Columns of the rows.</param>
    public RightFactor(double[] vectors, int count, int d)
    {
        (Vectors, Count, D) = (vectors, count, d);
        _packed = new(() => PackedMatrix<double>.FromTransposed(vectors, d, count));
        _byColumn = new(() =>
        {
            var byColumn = new double[d * count];
            for (int t = 0; t < count; t++)
                for (int j = 0; j < d; j++)
                    byColumn[j * count + t] = vectors[t * d + j];
            return byColumn;
        });
    }

    /// <summary>t x d.</summary>
    public double[] Vectors { get; }

    /// <summary>t.</summary>
    public int Count { get; }

    public int D { get; }

    public PackedMatrix<double> Packed => _packed.Value;

    /// <summary>The t numbers that an entry of column <paramref name="j"/> is multiplied by.</summary>
    public ReadOnlySpan<double> Column(int j) => _byColumn.Value.AsSpan(j * Count, Count);
}

/// <summary>
/// A block's rows as their source has them, in full or by their nonzeros, and what the simplex needs of them: products with
/// vectors and sums. By nonzeros each costs their number for every vector, not d.
/// </summary>
internal readonly ref struct BlockRows
{
    private readonly ReadOnlySpan<float> _dense;
    private readonly SparseRows? _sparse;

    private BlockRows(ReadOnlySpan<float> dense, SparseRows? sparse, int d, int count)
    {
        _dense = dense;
        (_sparse, D, Count) = (sparse, d, count);
    }

    public int D { get; }

    /// <summary>Rows.</summary>
    public int Count { get; }

    /// <summary>The rows of a task, each entry times a power of two; valid until the thread's next block.</summary>
    public static BlockRows Read(BlockTask task, IMatrixSource source, double scale)
    {
        if (source is ISparseSource sparse)
            return Of(StepData.ReadSparse(task, sparse, scale), task.Plan.Columns);
        Span<float> rows = StepData.ReadInput(task, source, scale);
        return Of(rows, task.Plan.Columns);
    }

    /// <summary>Rows in full, count x d.</summary>
    public static BlockRows Of(ReadOnlySpan<float> rows, int d) => new(rows, null, d, rows.Length / d);

    /// <summary>Rows by their nonzeros.</summary>
    public static BlockRows Of(SparseRows rows, int d) => new(default, rows, d, rows.Count);

    /// <summary>
    /// Rows [first, first + count) times the vectors, count x t float64. Every product is one chain over the row's entries, so that its
    /// bits do not depend on what else is asked for.
    /// </summary>
    public void Multiply(RightFactor by, int first, int count, Span<double> products)
    {
        products = products[..(count * by.Count)];
        if (_sparse is null)
        {
            Gemm.Multiply(_dense.Slice(first * D, count * D), D, count, by.Packed, products, by.Count);
            return;
        }
        products.Clear();
        for (int i = 0; i < count; i++)
        {
            Span<double> to = products.Slice(i * by.Count, by.Count);
            ReadOnlySpan<int> columns = _sparse.ColumnsOf(first + i);
            ReadOnlySpan<float> values = _sparse.ValuesOf(first + i);
            for (int e = 0; e < columns.Length; e++)
                FusedVectors.AddScaled(to, values[e], by.Column(columns[e]));
        }
    }

    /// <summary>||a||^2.</summary>
    public double SquareOf(int row) => PowerSums.Squares(_sparse is null ? _dense.Slice(row * D, D) : _sparse.ValuesOf(row));

    /// <summary>Adds a row times a factor to a sum, d float64.</summary>
    public void AddTo(int row, Span<double> sum, double factor = 1)
    {
        if (_sparse is null)
        {
            ReadOnlySpan<float> values = _dense.Slice(row * D, D);
            for (int j = 0; j < values.Length; j++)
                sum[j] += factor * values[j];
            return;
        }
        ReadOnlySpan<int> columns = _sparse.ColumnsOf(row);
        ReadOnlySpan<float> entries = _sparse.ValuesOf(row);
        for (int e = 0; e < columns.Length; e++)
            sum[columns[e]] += factor * entries[e];
    }
}
