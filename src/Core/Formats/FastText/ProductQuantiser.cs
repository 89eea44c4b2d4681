using System.Runtime.InteropServices;

namespace ClusterLp.Core.Formats.FastText;

/// <summary>
/// A product quantiser (Jegou et al. 2011) as fastText stores it: a vector of <see cref="Dim"/> is cut into
/// <see cref="Parts"/> parts, each replaced by one of 256 centroids.
/// </summary>
internal sealed class ProductQuantiser
{
    private const int Centroids = 256;

    private readonly float[] _centroids;
    private readonly int _partLength;
    private readonly int _lastPartLength;

    public int Dim { get; }

    /// <summary>Codes of one vector, one byte each.</summary>
    public int Parts { get; }

    private ProductQuantiser(int dim, int parts, int partLength, int lastPartLength, float[] centroids) =>
        (Dim, Parts, _partLength, _lastPartLength, _centroids) = (dim, parts, partLength, lastPartLength, centroids);

    /// <param name="cursor">At the quantiser.</param>
    /// <param name="expectedDim">The length its vectors must have.</param>
    /// <exception cref="ClusterLpException">Sizes that do not agree, or a truncated file (exit 65).</exception>
    public static ProductQuantiser Read(FastTextCursor cursor, int expectedDim)
    {
        (int dim, int parts, int partLength, int lastPartLength) = (cursor.Int32(), cursor.Int32(), cursor.Int32(), cursor.Int32());
        if (dim != expectedDim || partLength < 1 || lastPartLength < 1 || lastPartLength > partLength || parts < 1
            || (long)(parts - 1) * partLength + lastPartLength != dim)
            throw cursor.Bad($"product quantiser of dimension {dim} in {parts} parts of {partLength} (the last of {lastPartLength}); "
                + $"expected parts that add up to {expectedDim}");
        long bytes = (long)dim * Centroids * sizeof(float);
        if (bytes > cursor.Remaining)
            cursor.Skip(bytes);
        var centroids = MemoryMarshal.Cast<byte, float>(cursor.Take(checked((int)bytes))).ToArray();
        return new ProductQuantiser(dim, parts, partLength, lastPartLength, centroids);
    }

    /// <summary>The vector of <paramref name="codes"/> (Parts bytes), times <paramref name="scale"/>, into Dim values.</summary>
    public void Decode(ReadOnlySpan<byte> codes, float scale, Span<float> vector)
    {
        for (int part = 0; part < Parts; part++)
        {
            int length = part == Parts - 1 ? _lastPartLength : _partLength;
            int from = part * Centroids * _partLength + codes[part] * length;
            for (int i = 0; i < length; i++)
                vector[part * _partLength + i] = scale * _centroids[from + i];
        }
    }

    /// <summary>The number a one-dimensional quantiser stands for (norms).</summary>
    public float Scalar(byte code) => _centroids[code];
}
