using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Evaluation;

/// <summary>
/// Which row is used how often: rank 0 is the most frequent. Without a file the row's index is its rank, which is how word
/// vectors and most vocabularies are sorted, roughly. Bands are ranks 1-100, 101-1000, 1001-10000 and so on.
/// </summary>
internal sealed class FrequencyRanks
{
    private const int FirstBand = 100, Growth = 10, ReadAtOnce = 1 << 16;

    private readonly int[]? _ranks;

    private FrequencyRanks(long rows, int[]? ranks)
    {
        _ranks = ranks;
        var ends = new List<long>();
        for (long end = FirstBand; ; end *= Growth)
        {
            ends.Add(Math.Min(end, rows));
            if (end >= rows)
                break;
        }
        Ends = [.. ends];
    }

    /// <summary>The rank after each band's last.</summary>
    public long[] Ends { get; }

    /// <summary>The row's rank, from 0.</summary>
    public long this[long row] => _ranks?[row] ?? row;

    /// <summary>The row's band.</summary>
    public int Band(long row)
    {
        long rank = this[row];
        return Array.FindIndex(Ends, end => rank < end);
    }

    /// <param name="path">File of n positive numbers (<see cref="RowWeights"/>), which takes 12 n bytes of memory; null: the rows' order.</param>
    /// <param name="rows">n.</param>
    /// <exception cref="ClusterLpException">As <see cref="RowWeights.Read"/>; or too many rows to sort (exit 65).</exception>
    public static FrequencyRanks Of(string? path, long rows)
    {
        if (path is null)
            return new FrequencyRanks(rows, null);
        if (rows > Array.MaxLength)
            throw ClusterLpException.BadInput($"{path}: {rows} rows are too many to rank.");
        var negated = new double[rows];
        for (long first = 0; first < rows; first += ReadAtOnce)
        {
            double[] part = RowWeights.Read(path, rows, first, (int)Math.Min(ReadAtOnce, rows - first));
            for (int i = 0; i < part.Length; i++)
                negated[first + i] = -part[i];
        }
        // Rows of one frequency keep their order.
        int[] order = [.. Enumerable.Range(0, (int)rows).OrderBy(row => negated[row])];
        var ranks = new int[rows];
        for (int rank = 0; rank < order.Length; rank++)
            ranks[order[rank]] = rank;
        return new FrequencyRanks(rows, ranks);
    }
}
