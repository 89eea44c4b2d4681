using System.Globalization;
using System.Runtime.ExceptionServices;

namespace ClusterLp.Core.Storage;

/// <summary>
/// An object read at positions, by range requests: only the pages that are asked for travel, neighbours together and several
/// requests at once. It must stay in the version it had when it was opened. Thread-safe.
/// </summary>
internal sealed class ObjectReader : IDisposable
{
    /// <summary>What is read and kept at once.</summary>
    private const int PageBytes = 1 << 18;

    /// <summary>Pages of the largest request: 8 MiB.</summary>
    private const int MostPages = 32;

    /// <summary>Pages a small read brings along: passes go forward.</summary>
    private const int PagesAhead = 4;

    private const int PassingPages = 128;

    private static readonly int CacheMiB = Setting("CLUSTERLP_S3_CACHE_MIB", 256);
    private static readonly PageCache Cache = new(CacheMiB << 2, PassingPages);

    private readonly IObjectStore _store;

    /// <exception cref="ClusterLpException">There is no such object (exit 66), or as <see cref="IObjectStore"/> says.</exception>
    public ObjectReader(string address)
    {
        _store = ObjectStores.Of(address);
        Stamp = _store.Stat(address) ?? throw ClusterLpException.InputMissing($"{address}: no such object; check bucket and key.");
        Cache.Open(address);
    }

    /// <summary>The object when it was opened.</summary>
    public StoredStamp Stamp { get; }

    public long Length => Stamp.Length;

    /// <summary>Whether what was read of it is still in memory when it is read again.</summary>
    public bool FitsCache => Length <= (long)CacheMiB << 20;

    /// <summary>Fills <paramref name="destination"/>, which lies within the object.</summary>
    /// <exception cref="ClusterLpException">It was replaced (exit 65) or is gone (66), or as <see cref="IObjectStore"/> says.</exception>
    public void Read(long offset, Span<byte> destination)
    {
        if (destination.IsEmpty)
            return;
        long first = offset / PageBytes, last = (offset + destination.Length - 1) / PageBytes;
        long reach = Math.Min((Length - 1) / PageBytes, Math.Max(last, first + PagesAhead - 1));
        var pages = new ReadOnlyMemory<byte>?[last - first + 1];
        for (long page = first; page <= last; page++)
            pages[page - first] = Cache.Find(Key(page));
        var requests = new List<Task>();
        for (long page = first; page <= last; page++)
        {
            if (pages[page - first] is not null)
                continue;
            int count = 1;
            while (count < MostPages && page + count <= reach && (page + count > last || pages[page + count - first] is null))
                count++;
            requests.Add(FetchAsync(page, count, first, pages));
            page += count - 1;
        }
        Wait(requests);
        for (long page = first; page <= last; page++)
        {
            long begin = page * PageBytes, start = Math.Max(offset, begin), end = Math.Min(offset + destination.Length, begin + PageBytes);
            pages[page - first]!.Value.Span[(int)(start - begin)..(int)(end - begin)].CopyTo(destination[(int)(start - offset)..]);
        }
    }

    /// <summary>Lets others have its memory.</summary>
    public void Dispose() => Cache.Close(Stamp.Path);

    private async Task FetchAsync(long page, int count, long first, ReadOnlyMemory<byte>?[] pages)
    {
        long offset = page * PageBytes;
        Memory<byte> bytes = new byte[Math.Min(Length - offset, (long)count * PageBytes)];
        ObjectRange range = await _store.ReadAsync(Stamp.Path, Stamp.Version, offset, bytes, CancellationToken.None).ConfigureAwait(false)
            ?? throw ClusterLpException.InputMissing($"{Stamp.Path}: the object is gone; it was there when it was opened.");
        if (range.Length != Length || range.Read != bytes.Length)
            throw new ObjectChangedException(Stamp.Path);
        for (int i = 0; (long)i * PageBytes < bytes.Length; i++)
        {
            Memory<byte> part = bytes[(i * PageBytes)..Math.Min(bytes.Length, (i + 1) * PageBytes)];
            Cache.Add(Key(page + i), part);
            if (page + i - first < pages.Length)
                pages[page + i - first] = part;
        }
    }

    private PageKey Key(long page) => new(Stamp.Path, Stamp.Version!, page);

    private static void Wait(List<Task> requests)
    {
        try
        {
            Task.WaitAll(requests);
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }

    private static int Setting(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value <= 1 << 20
            ? value : otherwise;
}
