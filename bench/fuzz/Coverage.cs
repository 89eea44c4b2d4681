using System.Numerics;
using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace ClusterLp.Fuzz;

/// <summary>
/// The edges an input passed, as the instrumented assemblies count them: 65536 one-byte counters. Not thread-safe.
/// </summary>
internal sealed unsafe class Coverage : IDisposable
{
    private const int Size = 1 << 16;

    /// <summary>The assemblies whose copies are instrumented.</summary>
    public static readonly string[] Instrumented = ["ClusterLp.Core.dll", "ClusterLp.Messages.dll", "clusterlp.dll"];

    private readonly byte* _map = (byte*)NativeMemory.AllocZeroed(Size);
    private byte[] _seen = new byte[Size];

    public Coverage() => Trace.SharedMem = _map;

    /// <summary>Edges seen since <see cref="Forget"/>.</summary>
    public int Edges => _seen.Count(counts => counts != 0);

    /// <summary>Forgets what was seen: another target begins.</summary>
    public void Forget() => _seen = new byte[Size];

    /// <summary>Before an input runs.</summary>
    public void Begin()
    {
        NativeMemory.Clear(_map, Size);
        Trace.PrevLocation = 0;
    }

    /// <summary>After an input ran: whether it passed a new edge, or one in a new order of magnitude of times.</summary>
    public bool FoundNew()
    {
        bool found = false;
        var counts = new Span<byte>(_map, Size);
        for (int from = 0; from < Size;)
        {
            int next = counts[from..].IndexOfAnyExcept((byte)0);
            if (next < 0)
                break;
            from += next;
            byte magnitude = (byte)(1 << BitOperations.Log2(counts[from]));
            found |= (_seen[from] & magnitude) == 0;
            _seen[from++] |= magnitude;
        }
        return found;
    }

    public void Dispose()
    {
        // Code that still runs counts somewhere; the process ends after this.
        Trace.SharedMem = (byte*)NativeMemory.AllocZeroed(Size);
        NativeMemory.Free(_map);
    }
}
