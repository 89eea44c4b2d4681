namespace ClusterLp.Core.FactorModels.Simplex;

/// <summary>
/// The rows with the largest products with a direction, in descending order, rows of equal products by ascending index; with some numbers of
/// each. What is kept of a merge does not depend on how rows were cut into parts.
/// </summary>
internal sealed class ExtremeRows
{
    private ExtremeRows(double[] values, long[] rows, float[] numbers, int width) => (Values, Rows, Numbers, Width) = (values, rows, numbers, width);

    /// <summary>Products, descending.</summary>
    public double[] Values { get; }

    /// <summary>Rows of the whole matrix.</summary>
    public long[] Rows { get; }

    /// <summary>Count x width.</summary>
    public float[] Numbers { get; }

    /// <summary>Numbers of a row.</summary>
    public int Width { get; }

    public int Count => Values.Length;

    /// <summary>No rows.</summary>
    public static ExtremeRows None(int width) => new([], [], [], width);

    /// <summary>Rows that were found elsewhere, in the order this keeps them in.</summary>
    public static ExtremeRows From(double[] values, long[] rows, float[] numbers, int width) => new(values, rows, numbers, width);

    /// <summary>Places of the <paramref name="most"/> largest of some values, in this order. O(n log n).</summary>
    /// <param name="values">n products.</param>
    /// <param name="sign">1; or -1, for the smallest.</param>
    /// <param name="most">At most; 0 or more.</param>
    public static int[] Places(ReadOnlySpan<double> values, int sign, int most)
    {
        most = Math.Min(most, values.Length);
        if (most == 0)
            return [];
        var sorted = new double[values.Length];
        for (int i = 0; i < sorted.Length; i++)
            sorted[i] = -sign * values[i];
        Array.Sort(sorted);
        double bound = sorted[most - 1];
        var (inside, tied) = (new List<int>(most), new List<int>());
        for (int i = 0; i < values.Length; i++)
            if (-sign * values[i] is var value && value <= bound)
                (value < bound ? inside : tied).Add(i);
        double[] keys = [.. values];
        inside.AddRange(tied.Take(most - inside.Count));
        inside.Sort((a, b) => keys[a] == keys[b] ? a.CompareTo(b) : -sign * keys[a].CompareTo(keys[b]));
        return [.. inside];
    }

    /// <summary>The first <paramref name="most"/> of these and those together. Linear.</summary>
    public ExtremeRows Merge(ExtremeRows other, int most)
    {
        int count = Math.Min(most, Count + other.Count);
        var (values, rows, numbers) = (new double[count], new long[count], new float[count * Width]);
        for (int i = 0, a = 0, b = 0; i < count; i++)
        {
            bool ours = b == other.Count || a < Count && IsBefore(Values[a], Rows[a], other.Values[b], other.Rows[b]);
            (ExtremeRows from, int at) = ours ? (this, a++) : (other, b++);
            (values[i], rows[i]) = (from.Values[at], from.Rows[at]);
            from.Numbers.AsSpan(at * Width, Width).CopyTo(numbers.AsSpan(i * Width));
        }
        return new ExtremeRows(values, rows, numbers, Width);
    }

    /// <summary>Whether a row comes before another, or is it.</summary>
    public static bool IsBefore(double value, long row, double otherValue, long otherRow) =>
        value > otherValue || value == otherValue && row <= otherRow;
}
