using System.Numerics;
using System.Runtime.CompilerServices;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs.Blobs;

namespace ClusterLp.Core.Jobs.Steps;

/// <summary>
/// A block's sketch as it travels: float32, which the ridge on the ellipsoid's matrix makes as good as float64 (1e-5 of the mean
/// singular value), and only what is not zero where that takes less.
/// </summary>
/// <remarks>
/// "sketch_unit" float64 [1], a power of two; "sketch" float32, in units of it; where few entries are not zero, theirs alone,
/// and "sketch_at" int32, their places.
/// </remarks>
internal static class StoredSketch
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Write(ArrayBlob blob, ReadOnlySpan<double> sketch)
    {
        (double largest, int nonzeros) = Survey(sketch);
        // float32 has less range than sums of float32.
        double unit = largest > 0 ? Math.ScaleB(1, Math.ILogB(largest)) : 1, times = 1 / unit;
        blob.Add("sketch_unit", [unit], 1);
        if (2L * nonzeros >= sketch.Length)
        {
            var all = GC.AllocateUninitializedArray<float>(sketch.Length);
            for (int i = 0; i < all.Length; i++)
                all[i] = (float)(times * sketch[i]);
            blob.Add("sketch", all, all.Length);
            return;
        }
        int[] places = new int[nonzeros];
        var values = new float[nonzeros];
        for (int i = 0, next = 0; i < sketch.Length; i++)
            if (sketch[i] != 0)
                (places[next], values[next++]) = (i, (float)(times * sketch[i]));
        blob.Add("sketch_at", ElementType.I32, places, nonzeros).Add("sketch", values, nonzeros);
    }

    /// <summary>sum += what <see cref="Write"/> wrote.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddTo(Span<double> sum, ArrayBlob blob)
    {
        double unit = blob.View<double>("sketch_unit")[0];
        ReadOnlySpan<float> values = blob.View<float>("sketch");
        if (blob.Names.Contains("sketch_at"))
        {
            ReadOnlySpan<int> places = blob.View<int>("sketch_at");
            for (int e = 0; e < places.Length; e++)
                sum[places[e]] += unit * values[e];
            return;
        }
        int i = 0, half = Vector<double>.Count;
        var units = new Vector<double>(unit);
        for (; i + Vector<float>.Count <= values.Length; i += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(values[i..]), out Vector<double> low, out Vector<double> high);
            (new Vector<double>(sum[i..]) + units * low).CopyTo(sum[i..]);
            (new Vector<double>(sum[(i + half)..]) + units * high).CopyTo(sum[(i + half)..]);
        }
        for (; i < values.Length; i++)
            sum[i] += unit * values[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (double Largest, int Nonzeros) Survey(ReadOnlySpan<double> sketch)
    {
        double largest = 0;
        int nonzeros = 0;
        foreach (double value in sketch)
        {
            double size = Math.Abs(value);
            largest = size > largest ? size : largest;
            nonzeros += size > 0 ? 1 : 0;
        }
        return (largest, nonzeros);
    }
}
