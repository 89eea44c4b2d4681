namespace ClusterLp.Core.Storage;

/// <summary>A page of an object, of one of its versions.</summary>
internal readonly record struct PageKey(string Path, string Version, long Page);

/// <summary>
/// Pages of objects that were read, bounded in memory. A job goes through its input again and again in one order, in which
/// dropping the page used longest ago would drop each just before its next use: the pages that came first stay, and those
/// for which there is no more room pass through a short queue. Thread-safe.
/// </summary>
/// <param name="most">Pages that stay.</param>
/// <param name="passing">Pages of the queue.</param>
internal sealed class PageCache(int most, int passing)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<PageKey, ReadOnlyMemory<byte>> _pages = [];
    private readonly Queue<PageKey> _queue = [];
    private readonly HashSet<PageKey> _staying = [];
    private readonly Dictionary<string, int> _readers = [];

    /// <summary>Someone reads this object from now on.</summary>
    public void Open(string path)
    {
        lock (_lock)
            _readers[path] = _readers.GetValueOrDefault(path) + 1;
    }

    /// <summary>One reader less. Without any its pages stay until there is other use for their room.</summary>
    public void Close(string path)
    {
        lock (_lock)
            if (--_readers[path] == 0)
                _readers.Remove(path);
    }

    /// <summary>A page, or null.</summary>
    public ReadOnlyMemory<byte>? Find(PageKey key)
    {
        lock (_lock)
            return _pages.TryGetValue(key, out ReadOnlyMemory<byte> page) ? page : default(ReadOnlyMemory<byte>?);
    }

    /// <summary>Keeps a page, for good or for a while.</summary>
    public void Add(PageKey key, ReadOnlyMemory<byte> page)
    {
        lock (_lock)
        {
            if (!_pages.TryAdd(key, page))
                return;
            if (_staying.Count < most || DropIdle())
            {
                _staying.Add(key);
                return;
            }
            _queue.Enqueue(key);
            if (_queue.Count > passing)
                _pages.Remove(_queue.Dequeue());
        }
    }

    private bool DropIdle()
    {
        int dropped = _staying.RemoveWhere(key => !_readers.ContainsKey(key.Path) && _pages.Remove(key));
        return dropped > 0;
    }
}
