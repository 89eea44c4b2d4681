using System.Runtime.InteropServices;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.Tests.Kernels;

/// <summary>Reproducible inputs and bit comparison for the kernel tests.</summary>
internal static class KernelTestData
{
    /// <summary>The kernel sets this machine can run.</summary>
    public static IEnumerable<KernelSet> Sets => Enum.GetValues<KernelSet>().Where(KernelSets.IsAvailable);

    /// <summary>Values of either sign over several orders of magnitude, so that the order of a sum shows in its bits.</summary>
    public static float[] Floats(int count, int seed)
    {
        var random = new Random(seed);
        var values = new float[count];
        for (int i = 0; i < count; i++)
            values[i] = (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-3, 3)));
        return values;
    }

    public static double[] Doubles(int count, int seed) => Array.ConvertAll(Floats(count, seed), v => v * 1.000000123);

    public static void AssertSameBits<T>(ReadOnlySpan<T> expected, ReadOnlySpan<T> actual, string where) where T : unmanaged
    {
        if (MemoryMarshal.AsBytes(expected).SequenceEqual(MemoryMarshal.AsBytes(actual)))
            return;
        int at = 0;
        while (EqualityComparer<T>.Default.Equals(expected[at], actual[at]))
            at++;
        Assert.Fail($"{where}: entry {at} is {actual[at]:R}, expected {expected[at]:R}");
    }
}
