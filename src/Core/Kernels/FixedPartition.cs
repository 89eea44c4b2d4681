using System.Runtime.ExceptionServices;

namespace ClusterLp.Core.Kernels;

/// <summary>
/// Runs the parts of a fixed partition on dedicated threads. Which thread runs a part is left to chance, so a part must
/// write to its own place only, and sums over parts are taken afterwards in index order: then no bit depends on threads.
/// </summary>
public static class FixedPartition
{
    /// <summary>
    /// Calls <paramref name="body"/> once for every index below <paramref name="count"/>, on the calling thread and up to
    /// <paramref name="threads"/> - 1 new ones (never the thread pool, which belongs to the actors). Returns when all have
    /// ended. Indices start in increasing order; after a failure no further one starts.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled before every index had started.</exception>
    /// <remarks>If bodies throw, the exception of the lowest index is rethrown, whatever the timing.</remarks>
    public static void For(int count, int threads, CancellationToken cancellation, Action<int> body)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentNullException.ThrowIfNull(body);

        int next = -1, failedIndex = int.MaxValue;
        bool stop = false;
        ExceptionDispatchInfo? failure = null;
        var gate = new Lock();

        void Work()
        {
            while (!Volatile.Read(ref stop) && !cancellation.IsCancellationRequested)
            {
                int index = Interlocked.Increment(ref next);
                if (index >= count)
                    return;
                try
                {
                    body(index);
                }
                catch (Exception e)
                {
                    lock (gate)
                    {
                        if (index < failedIndex)
                            (failedIndex, failure) = (index, ExceptionDispatchInfo.Capture(e));
                    }
                    Volatile.Write(ref stop, true);
                }
            }
        }

        var helpers = new Thread[Math.Max(0, Math.Min(threads, count) - 1)];
        for (int i = 0; i < helpers.Length; i++)
        {
            helpers[i] = new Thread(Work) { IsBackground = true, Name = $"clusterlp-part-{i + 1}" };
            helpers[i].Start();
        }
        Work();
        foreach (Thread helper in helpers)
            helper.Join();

        failure?.Throw();
        if (next < count - 1)
            cancellation.ThrowIfCancellationRequested();
    }
}
