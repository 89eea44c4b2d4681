using System.Runtime.CompilerServices;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.Tests.Kernels;

public sealed class AlignedPartTests
{
    [Fact]
    public unsafe void Parts_begin_at_cache_lines_lie_apart_and_are_zeros_again_when_taken_again()
    {
        float[]? kept = null;
        AlignedPart[] parts = AlignedPart.Zeros(ref kept, 3, 0, 17, 16, 1);
        Assert.Equal([3, 0, 17, 16, 1], parts.Select(part => part.AsSpan().Length));
        for (int i = 0; i < parts.Length; i++)
            parts[i].AsSpan().Fill(i + 1);
        for (int i = 0; i < parts.Length; i++)
        {
            Span<float> part = parts[i].AsSpan();
            Assert.Equal(0, (nint)Unsafe.AsPointer(ref System.Runtime.InteropServices.MemoryMarshal.GetReference(part)) % Blocking.Alignment);
            Assert.False(part.ContainsAnyExcept(i + 1f));
        }
        // Who takes less in between does not cost the next one a new array.
        Assert.Same(kept, AlignedPart.Zeros(ref kept, 5)[0].Room);
        AlignedPart[] again = AlignedPart.Zeros(ref kept, 3, 0, 17, 16, 1);
        Assert.Same(parts[0].Room, again[0].Room);
        Assert.All(again, part => Assert.False(part.AsSpan().ContainsAnyExcept(0f)));
        Assert.Throws<ArgumentOutOfRangeException>(() => parts[0].AsSpan(2, 2));
    }
}
