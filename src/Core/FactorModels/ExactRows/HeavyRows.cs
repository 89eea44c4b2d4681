using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.FactorModels.ExactRows;

/// <summary>Rows that may be stored by themselves, in row order.</summary>
/// <param name="Places">Their places in the matrix, ascending.</param>
/// <param name="Weights">Their c.</param>
/// <param name="Values">Themselves, count x d.</param>
internal sealed record HeavyRows(long[] Places, double[] Weights, float[] Values)
{
    public int Count => Places.Length;

    /// <summary>Rows to store of n: ceil(share n), and fewer than n.</summary>
    public static long Number(double share, long n) => Math.Clamp((long)Math.Ceiling(share * n - 1e-9), 1, Math.Max(1, n - 1));

    /// <summary>
    /// Candidates kept of a block of <paramref name="count"/> rows. Of heavy rows that lie anywhere it has share count on average, and
    /// hardly ever four standard deviations more (Poisson).
    /// </summary>
    public static int Candidates(double share, int count)
    {
        double expected = share * count;
        return (int)Math.Min(count, Math.Ceiling(expected + 4 * Math.Sqrt(expected) + 4));
    }

    /// <summary>Positions of the <paramref name="most"/> largest of the values, equal ones by position; ascending.</summary>
    public static int[] Largest(ReadOnlySpan<double> values, int most)
    {
        double[] keys = values.ToArray();
        int[] order = [.. Enumerable.Range(0, keys.Length)];
        Array.Sort(order, (i, j) => keys[i] != keys[j] ? keys[j].CompareTo(keys[i]) : i.CompareTo(j));
        int[] largest = order[..Math.Min(most, order.Length)];
        Array.Sort(largest);
        return largest;
    }

    /// <summary>Some of a block's rows.</summary>
    /// <param name="rows">The block's, count x d.</param>
    /// <param name="d">Columns.</param>
    /// <param name="firstRow">The block's first row in the matrix.</param>
    /// <param name="c">The block's weights.</param>
    /// <param name="which">Positions in the block, ascending.</param>
    public static HeavyRows Of(ReadOnlySpan<float> rows, int d, long firstRow, ReadOnlySpan<double> c, int[] which)
    {
        var values = new float[which.Length * d];
        var weights = new double[which.Length];
        for (int j = 0; j < which.Length; j++)
        {
            rows.Slice(which[j] * d, d).CopyTo(values.AsSpan(j * d));
            weights[j] = c[which[j]];
        }
        return new HeavyRows(Array.ConvertAll(which, i => firstRow + i), weights, values);
    }

    /// <summary>Some of these.</summary>
    public HeavyRows Choose(int d, int[] which)
    {
        HeavyRows chosen = Of(Values, d, 0, Weights, which);
        return chosen with { Places = Array.ConvertAll(which, i => Places[i]) };
    }

    /// <summary>All of several blocks, which are in order.</summary>
    public static HeavyRows Join(IReadOnlyCollection<HeavyRows> parts)
    {
        var values = new float[parts.Sum(part => part.Values.Length)];
        int at = 0;
        foreach (HeavyRows part in parts)
        {
            part.Values.CopyTo(values, at);
            at += part.Values.Length;
        }
        return new HeavyRows([.. parts.SelectMany(part => part.Places)], [.. parts.SelectMany(part => part.Weights)], values);
    }

    /// <summary>Adds "heavy" float32 count x d, "heavy_rows" int64 and "heavy_weights" float64.</summary>
    public ArrayBlob AddTo(ArrayBlob blob) => blob
        .Add("heavy", Values, Count, Count == 0 ? 0 : Values.Length / Count)
        .Add("heavy_rows", ElementType.I64, Places, Count)
        .Add("heavy_weights", Weights, Count);

    /// <summary>Reads what <see cref="AddTo"/> added.</summary>
    public static HeavyRows From(ArrayBlob blob) => new(blob.Get<long>("heavy_rows"), blob.Get<double>("heavy_weights"), blob.Get<float>("heavy"));
}
