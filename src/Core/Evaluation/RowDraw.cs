using ClusterLp.Core.Coresets;

namespace ClusterLp.Core.Evaluation;

/// <summary>Rows drawn at random: those with the least hashes, so that more of them include the fewer.</summary>
internal static class RowDraw
{
    /// <summary>Numbers of <paramref name="count"/> of <paramref name="rows"/> rows, or of all, ascending. O(rows log count).</summary>
    public static long[] Of(long rows, int count, ulong seed)
    {
        var least = new PriorityQueue<long, (double Hash, long Row)>(Comparer<(double Hash, long Row)>.Create((a, b) => b.CompareTo(a)));
        for (long row = 0; row < rows && count > 0; row++)
        {
            (double, long) key = (RowSampler.Uniform(seed, 0, row), row);
            if (least.Count < count)
                least.Enqueue(row, key);
            else
                least.EnqueueDequeue(row, key);
        }
        return [.. least.UnorderedItems.Select(item => item.Element).Order()];
    }
}
