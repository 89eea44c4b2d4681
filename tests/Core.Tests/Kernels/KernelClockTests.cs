using System.Diagnostics;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;
using ClusterLp.Core.Tests.Support;

namespace ClusterLp.Core.Tests.Kernels;

[Collection(Alone.Name)]
public class KernelClockTests
{
    [Fact]
    public void A_kernel_within_another_is_counted_once()
    {
        KernelTimes before = KernelClock.Read();
        long start = Stopwatch.GetTimestamp();
        using (KernelClock.Measure(KernelKind.Elementwise))
        {
            Spin(4);
            using (KernelClock.Measure(KernelKind.Product))
            {
                Spin(8);
                using (KernelClock.Measure(KernelKind.Gram))
                    Spin(2);
            }
            using (KernelClock.Measure(KernelKind.Product))
                Spin(8);
        }
        double elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
        KernelTimes spent = KernelClock.Read() - before;
        Assert.True(spent.Elementwise >= 0.004 && spent.Products >= 0.016 && spent.Grams >= 0.002, spent.ToString());
        Assert.True(spent.Total <= elapsed, $"{spent} in {elapsed} s");
        Assert.InRange(spent.Busy, spent.Total, elapsed + 1e-3);
    }

    [Fact]
    public void Kernels_of_several_threads_at_once_keep_the_cores_busy_once()
    {
        KernelTimes before = KernelClock.Read();
        long start = Stopwatch.GetTimestamp();
        using (var together = new Barrier(2))
        {
            Thread[] threads = [.. Enumerable.Range(0, 2).Select(_ => new Thread(() =>
            {
                together.SignalAndWait();
                using (KernelClock.Measure(KernelKind.Product))
                {
                    together.SignalAndWait();
                    Spin(20);
                    // Neither leaves before both have been in one for that long.
                    together.SignalAndWait();
                }
            }))];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());
        }
        KernelTimes spent = KernelClock.Read() - before;
        Assert.InRange(spent.Busy, 0.02, Stopwatch.GetElapsedTime(start).TotalSeconds);
        Assert.True(spent.Products >= 0.04 && spent.Busy <= spent.Products - 0.019, spent.ToString());
    }

    [Fact]
    public void Every_kernel_counts_as_what_it_is()
    {
        const int d = 40;
        float[] rows = [.. Enumerable.Range(0, 3 * d * d).Select(i => (float)Math.Sin(i * i))];
        KernelTimes start = KernelClock.Read();
        var gram = new double[d * d];
        Gram.AccumulateUpper(rows, 3 * d, d, [], gram);
        KernelTimes afterGram = KernelClock.Read() - start;
        Assert.True(afterGram is { Grams: > 0, Products: 0, Factorisations: 0, Elementwise: 0 }, afterGram.ToString());

        Gemm.Multiply(rows, d, d, PackedMatrix<float>.FromRows(rows, d, d), new float[d * d], d);
        KernelTimes afterProduct = KernelClock.Read() - start - afterGram;
        Assert.True(afterProduct is { Grams: 0, Products: > 0, Factorisations: 0, Elementwise: 0 }, afterProduct.ToString());

        Gram.MirrorUpper(gram, d);
        Factorisations.SymmetricEigen(gram, d);
        Assert.True((KernelClock.Read() - start).Factorisations > 0);
    }

    private static void Spin(double milliseconds)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start).TotalMilliseconds < milliseconds)
        {
        }
    }
}
