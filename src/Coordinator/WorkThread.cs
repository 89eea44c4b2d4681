using System.Collections.Concurrent;

namespace ClusterLp.Coordinator;

/// <summary>A thread of an actor's own for work that blocks or takes long; pieces run one after the other, in order.</summary>
internal sealed class WorkThread : IDisposable
{
    // What ends the thread is null: by CompleteAdding it would end by two exceptions.
    private readonly BlockingCollection<Action<CancellationToken>?> _queue = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly Thread _thread;

    public WorkThread(string name)
    {
        _thread = new Thread(Work) { IsBackground = true, Name = name };
        _thread.Start();
    }

    /// <param name="work">Must not throw; stops soon after its token asks it to.</param>
    public void Post(Action<CancellationToken> work) => _queue.Add(work);

    /// <summary>Drops what has not begun and waits for what has.</summary>
    public void Dispose()
    {
        _stopping.Cancel();
        _queue.Add(null);
        _thread.Join();
        _queue.Dispose();
        _stopping.Dispose();
    }

    private void Work()
    {
        while (_queue.Take() is { } work)
            if (!_stopping.IsCancellationRequested)
                work(_stopping.Token);
    }
}
