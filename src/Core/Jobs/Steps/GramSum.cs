using System.Runtime.InteropServices;
using ClusterLp.Core.Jobs.Blobs;
using ClusterLp.Core.LpFit;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// Packed Gram matrices of a stage's blobs ("gram") added up in float64, in block order, and small arrays of theirs put one after
/// the other.
/// </summary>
/// <param name="length">Numbers of a blob's packed Gram, or of its packed Grams.</param>
/// <param name="collected">Names of the small arrays.</param>
internal sealed class GramSum(int length, IReadOnlyList<string> collected)
{
    private readonly Dictionary<string, List<byte[]>> _parts = collected.ToDictionary(name => name, _ => new List<byte[]>());

    /// <summary>The sum.</summary>
    public double[] Packed { get; } = new double[length];

    /// <summary>Adds the next block's; keeps nothing of the blob but copies.</summary>
    public void Add(ArrayBlob blob)
    {
        PackedTriangle.AddTo(Packed, blob.View<double>("gram"));
        foreach ((string name, List<byte[]> parts) in _parts)
            parts.Add(blob.Bytes(name).ToArray());
    }

    /// <summary>One of the small arrays, of all blocks.</summary>
    public T[] All<T>(string name) where T : unmanaged
    {
        List<byte[]> parts = _parts[name];
        var all = new T[parts.Sum(part => part.Length) / Marshal.SizeOf<T>()];
        Span<byte> rest = MemoryMarshal.AsBytes(all.AsSpan());
        foreach (byte[] part in parts)
        {
            part.CopyTo(rest);
            rest = rest[part.Length..];
        }
        return all;
    }
}
