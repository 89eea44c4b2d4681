namespace ClusterLp.Core.Kernels;

/// <summary>A part of a longer array of float32 that begins where a cache line does: no vector of it straddles two.</summary>
/// <param name="Room">The array, pinned.</param>
/// <param name="Begin">Where in it.</param>
/// <param name="Length">Elements, 0 or more.</param>
internal readonly record struct AlignedPart(float[] Room, int Begin, int Length)
{
    private const int Line = Blocking.Alignment / sizeof(float);

    /// <summary>Parts of these lengths in one array that the thread keeps (<see cref="KeptArray.AtLeast"/>), filled with zeros.</summary>
    /// <param name="kept">The thread's field for it: who takes parts again takes these.</param>
    /// <param name="lengths">Elements of each.</param>
    public static unsafe AlignedPart[] Zeros(ref float[]? kept, params ReadOnlySpan<int> lengths)
    {
        int total = 0;
        foreach (int length in lengths)
            total = checked(total + WholeLines(length));
        KeptArray.AtLeast(ref kept, Blocking.WithSlack<float>(total)).Span.Clear();
        var parts = new AlignedPart[lengths.Length];
        fixed (float* first = kept)
            for ((int i, int begin) = (0, (int)(Blocking.Align(first) - first)); i < parts.Length; begin += WholeLines(lengths[i++]))
                parts[i] = new AlignedPart(kept!, begin, lengths[i]);
        return parts;
    }

    public Span<float> AsSpan() => Room.AsSpan(Begin, Length);

    public Span<float> AsSpan(int start, int length) => AsSpan().Slice(start, length);

    /// <summary>A length rounded up so that what follows begins at a cache line too.</summary>
    public static int WholeLines(int length) => checked(length + Line - 1) / Line * Line;
}
