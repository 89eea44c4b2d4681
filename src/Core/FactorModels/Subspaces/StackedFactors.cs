using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.FactorModels.Subspaces;

/// <summary>J factors V_j, k x d each, and products of rows of U with one of them each. Immutable; thread-safe.</summary>
internal sealed class StackedFactors
{
    private readonly Lazy<PackedMatrix<float>>[] _single;
    private readonly Lazy<PackedMatrix<double>>[] _double;

    /// <param name="transposed">V_j transposed, as they are stored: J x d x k row-major.</param>
    /// <param name="count">J.</param>
    /// <param name="columns">d.</param>
    /// <param name="rank">k.</param>
    public StackedFactors(float[] transposed, int count, int columns, int rank)
    {
        (Count, Columns, Rank) = (count, columns, rank);
        int length = columns * rank;
        _single = [.. Enumerable.Range(0, count).Select(j => new Lazy<PackedMatrix<float>>(
            () => PackedMatrix<float>.FromTransposed(transposed.AsSpan(j * length, length), rank, columns)))];
        _double = [.. Enumerable.Range(0, count).Select(j => new Lazy<PackedMatrix<double>>(
            () => PackedMatrix<double>.FromTransposed(Array.ConvertAll(transposed[(j * length)..((j + 1) * length)], x => (double)x), rank, columns)))];
    }

    /// <summary>J.</summary>
    public int Count { get; }

    /// <summary>d.</summary>
    public int Columns { get; }

    /// <summary>k.</summary>
    public int Rank { get; }

    /// <summary>u_i V_j, j = ids_i, for each row, in float32.</summary>
    /// <param name="u">count x k.</param>
    /// <param name="ids">count.</param>
    /// <param name="rows">Receives the products, count x d.</param>
    public void Multiply(ReadOnlySpan<float> u, ReadOnlySpan<byte> ids, Span<float> rows) =>
        Multiply(u, ids, rows, (left, count, j, product) => Gemm.Multiply(left, Rank, count, _single[j].Value, product, Columns));

    /// <summary>The same in float64.</summary>
    public void Multiply(ReadOnlySpan<float> u, ReadOnlySpan<byte> ids, Span<double> rows) =>
        Multiply(u, ids, rows, (left, count, j, product) => Gemm.Multiply(left, Rank, count, _double[j].Value, product, Columns));

    // Rows of one subspace together: a product of one row costs as much as one of several.
    private void Multiply<T>(ReadOnlySpan<float> u, ReadOnlySpan<byte> ids, Span<T> rows, Product<T> multiply) where T : unmanaged
    {
        int most = ids.Length;
        var (left, product) = (new float[most * Rank], new T[most * Columns]);
        for (int j = 0; j < Count; j++)
        {
            int held = 0;
            for (int i = 0; i < most; i++)
                if (ids[i] == j)
                    u.Slice(i * Rank, Rank).CopyTo(left.AsSpan(held++ * Rank));
            if (held == 0)
                continue;
            multiply(left, held, j, product);
            held = 0;
            for (int i = 0; i < most; i++)
                if (ids[i] == j)
                    product.AsSpan(held++ * Columns, Columns).CopyTo(rows[(i * Columns)..]);
        }
    }

    private delegate void Product<T>(ReadOnlySpan<float> left, int count, int j, Span<T> product);
}
