using System.Buffers.Binary;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Formats.Safetensors;
using ClusterLp.Core.Jobs.Steps;

namespace ClusterLp.Core.FactorModels.ExactRows;

/// <summary>Rows of U V with the heavy rows between them, found by binary search. Thread-safe.</summary>
/// <param name="others">The other rows, in order; disposed with this.</param>
/// <param name="exact">The heavy ones, m x d; disposed with this.</param>
/// <param name="places">Where they belong, ascending, m.</param>
internal sealed class ExactRowsDecoder(IRowDecoder others, IMatrixSource exact, long[] places) : IRowDecoder
{
    public long Rows => others.Rows + places.Length;

    public int Columns => others.Columns;

    public int Rank => others.Rank;

    public void Decode(long firstRow, int count, Span<float> rows) => Decode(firstRow, count, rows, others.Decode, exactRows => exactRows);

    public void Decode(long firstRow, int count, Span<double> rows) =>
        Decode(firstRow, count, rows, others.Decode, exactRows => Array.ConvertAll(exactRows, x => (double)x));

    public void Dispose()
    {
        others.Dispose();
        exact.Dispose();
    }

    /// <summary>Reads the places of a tensor's heavy rows.</summary>
    /// <param name="output">The compressed model.</param>
    /// <param name="name">Their tensor.</param>
    /// <param name="rows">n.</param>
    /// <exception cref="ClusterLpException">They are missing, of another type, not ascending or not rows (exit 65).</exception>
    public static long[] ReadPlaces(IModel output, string name, long rows)
    {
        if (output is not SafetensorsModel model)
            throw ClusterLpException.BadInput($"{output.Path}: \"{name}\" is read from safetensors files alone.");
        (SafetensorsFile shard, SafetensorsEntry entry) = model.Find(name);
        if (entry.Type is not (ElementType.I32 or ElementType.I64) || entry.Shape.Length != 1 || entry.Shape[0] >= rows)
            throw ClusterLpException.BadInput($"{output.Path}: \"{name}\" is {entry.Type} [{string.Join(", ", entry.Shape)}]; expected I32 or I64, fewer than {rows}.");
        int size = entry.Type.Size();
        var bytes = new byte[entry.Shape[0] * size];
        shard.Read(entry, 0, bytes);
        var places = new long[entry.Shape[0]];
        for (int j = 0; j < places.Length; j++)
        {
            ReadOnlySpan<byte> at = bytes.AsSpan(j * size);
            places[j] = size == sizeof(int) ? BinaryPrimitives.ReadInt32LittleEndian(at) : BinaryPrimitives.ReadInt64LittleEndian(at);
            if (places[j] < 0 || places[j] >= rows || (j > 0 && places[j] <= places[j - 1]))
                throw ClusterLpException.BadInput($"{output.Path}: \"{name}\" has {places[j]} at {j}; expected rows from 0 to {rows - 1} in ascending order.");
        }
        return places;
    }

    private void Decode<T>(long firstRow, int count, Span<T> rows, RowsOf<T> decode, Func<float[], T[]> convert)
    {
        (int heavy, int end) = (Sorted.CountBelow(places, firstRow), Sorted.CountBelow(places, firstRow + count));
        int some = count - (end - heavy);
        if (some > 0)
            decode(firstRow - heavy, some, rows);
        if (end > heavy)
            Spread(rows, firstRow, count, some, heavy, end, convert(Exact(heavy, end)));
    }

    private float[] Exact(int from, int end)
    {
        var rows = new float[(end - from) * Columns];
        exact.ReadRows(from, end - from, rows);
        return rows;
    }

    // From the last row on, so that no row is overwritten before it is moved.
    private void Spread<T>(Span<T> rows, long firstRow, int count, int some, int heavy, int end, T[] exactRows)
    {
        int d = Columns;
        for (int i = count - 1, other = some - 1, j = end - 1; j >= heavy; i--)
            if (places[j] == firstRow + i)
                exactRows.AsSpan((j-- - heavy) * d, d).CopyTo(rows[(i * d)..]);
            else
                rows.Slice(other-- * d, d).CopyTo(rows[(i * d)..]);
    }

    private delegate void RowsOf<T>(long firstRow, int count, Span<T> rows);
}
