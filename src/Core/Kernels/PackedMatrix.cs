namespace ClusterLp.Core.Kernels;

/// <summary>
/// The right operand of a product, B (inner x columns), packed once into the panels the GEMM reads and reused for every
/// row tile. Immutable after packing; thread-safe.
/// </summary>
/// <typeparam name="T">float or double.</typeparam>
public sealed class PackedMatrix<T> where T : unmanaged
{
    internal T[] Data { get; }

    /// <summary>Rows of B (the summed index).</summary>
    public int Inner { get; }

    /// <summary>Columns of B.</summary>
    public int Columns { get; }

    private PackedMatrix(T[] data, int inner, int columns) => (Data, Inner, Columns) = (data, inner, columns);

    /// <summary>Packs B given row-major, inner x columns.</summary>
    public static PackedMatrix<T> FromRows(ReadOnlySpan<T> b, int inner, int columns) => new(b[..(inner * columns)].ToArray(), inner, columns);

    /// <summary>Packs B given as its transpose, row-major, columns x inner.</summary>
    public static PackedMatrix<T> FromTransposed(ReadOnlySpan<T> transposed, int inner, int columns)
    {
        var data = new T[inner * columns];
        for (int j = 0; j < columns; j++)
            for (int t = 0; t < inner; t++)
                data[t * columns + j] = transposed[j * inner + t];
        return new(data, inner, columns);
    }
}
