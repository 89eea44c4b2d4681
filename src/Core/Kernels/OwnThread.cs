namespace ClusterLp.Core.Kernels;

/// <summary>Work on a thread of its own: of the pool's there are as many as cores, and who waits on one keeps it from others.</summary>
public static class OwnThread
{
    public static Task Run(Action work) => Run(() =>
    {
        work();
        return true;
    });

    /// <param name="work">Runs at once.</param>
    /// <param name="cancellation">Cancelled before it has begun, it does not.</param>
    public static Task<T> Run<T>(Func<T> work, CancellationToken cancellation = default) =>
        Task.Factory.StartNew(work, cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
