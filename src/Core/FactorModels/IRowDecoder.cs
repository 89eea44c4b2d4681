using ClusterLp.Core.Formats;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.FactorModels;

/// <summary>Rows of an approximation, from what is stored of it alone. Thread-safe.</summary>
internal interface IRowDecoder : IDisposable
{
    /// <summary>n.</summary>
    long Rows { get; }

    /// <summary>d.</summary>
    int Columns { get; }

    /// <summary>k, as the stored parts have it.</summary>
    int Rank { get; }

    /// <summary>Rows [firstRow, firstRow + count) into count x d, multiplied in float32.</summary>
    void Decode(long firstRow, int count, Span<float> rows);

    /// <summary>The same, multiplied in float64.</summary>
    void Decode(long firstRow, int count, Span<double> rows);
}

/// <summary>Rows of L B, L being read from a source (n x m) and B (m x d) held: stored factors, or a matrix and a projection.</summary>
internal sealed class ProductDecoder : IRowDecoder
{
    private const int TileRows = 64;

    private readonly IMatrixSource _left;
    private readonly double[] _right;
    private readonly Lazy<PackedMatrix<float>> _single;
    private readonly Lazy<PackedMatrix<double>> _double;

    /// <param name="left">L; disposed with this.</param>
    /// <param name="right">B, m x d row-major.</param>
    /// <param name="columns">d.</param>
    public ProductDecoder(IMatrixSource left, double[] right, int columns)
    {
        (_left, _right, Columns) = (left, right, columns);
        _single = new(() => PackedMatrix<float>.FromRows(Array.ConvertAll(right, x => (float)x), Rank, columns));
        _double = new(() => PackedMatrix<double>.FromRows(right, Rank, columns));
    }

    public long Rows => _left.Rows;

    public int Columns { get; }

    /// <summary>m.</summary>
    public int Rank => _left.Columns;

    /// <summary>B, m x d.</summary>
    public double[] Right => _right;

    public void Decode(long firstRow, int count, Span<float> rows) =>
        Decode(firstRow, count, rows, (left, height, product) => Gemm.Multiply(left, Rank, height, _single.Value, product, Columns));

    public void Decode(long firstRow, int count, Span<double> rows) =>
        Decode(firstRow, count, rows, (left, height, product) => Gemm.Multiply(left, Rank, height, _double.Value, product, Columns));

    private void Decode<T>(long firstRow, int count, Span<T> rows, Product<T> multiply)
    {
        var left = new float[Math.Min(TileRows, count) * Rank];
        for (int row = 0; row < count; row += TileRows)
        {
            int height = Math.Min(TileRows, count - row);
            _left.ReadRows(firstRow + row, height, left);
            multiply(left, height, rows[(row * Columns)..]);
        }
    }

    private delegate void Product<T>(ReadOnlySpan<float> left, int height, Span<T> product);

    /// <summary>Rows of L B for a source that stays the caller's.</summary>
    public static ProductDecoder Borrowing(IMatrixSource left, double[] right, int columns) => new(new Borrowed(left), right, columns);

    /// <summary>Rows of L B T; shares L with this, which stays its owner.</summary>
    /// <param name="by">B T, m x d.</param>
    public ProductDecoder With(double[] by) => Borrowing(_left, by, Columns);

    public void Dispose() => _left.Dispose();

    private sealed class Borrowed(IMatrixSource source) : IMatrixSource
    {
        public string Name => source.Name;

        public long Rows => source.Rows;

        public int Columns => source.Columns;

        public void ReadRows(long firstRow, int count, Span<float> destination) => source.ReadRows(firstRow, count, destination);

        public void Dispose()
        {
        }
    }
}
