namespace ClusterLp.Core.Jobs.Steps;

/// <summary>Searching ascending, distinct numbers.</summary>
internal static class Sorted
{
    /// <summary>How many of them are less than the value. O(log count).</summary>
    public static int CountBelow(long[] ascending, long value)
    {
        int at = Array.BinarySearch(ascending, value);
        return at >= 0 ? at : ~at;
    }
}
