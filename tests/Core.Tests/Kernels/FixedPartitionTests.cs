using System.Collections.Concurrent;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.Tests.Kernels;

public class FixedPartitionTests
{
    [Theory]
    [InlineData(0, 3)]
    [InlineData(1, 1)]
    [InlineData(1, 4)]
    [InlineData(1000, 1)]
    [InlineData(1000, 5)]
    public void EveryIndexRunsOnce(int count, int threads)
    {
        int[] runs = new int[count];
        FixedPartition.For(count, threads, CancellationToken.None, i => Interlocked.Increment(ref runs[i]));
        Assert.All(runs, r => Assert.Equal(1, r));
    }

    [Fact]
    public void PartsRunSideBySideOffTheThreadPool()
    {
        // Nobody passes the barrier unless three parts are under way at once.
        using var barrier = new Barrier(3);
        var pooled = new ConcurrentBag<bool>();
        int caller = Environment.CurrentManagedThreadId;
        FixedPartition.For(3, 3, CancellationToken.None, _ =>
        {
            pooled.Add(Thread.CurrentThread.IsThreadPoolThread && Environment.CurrentManagedThreadId != caller);
            Assert.True(barrier.SignalAndWait(TimeSpan.FromSeconds(30)));
        });
        Assert.Equal([false, false, false], pooled);
    }

    [Fact]
    public void LowestFailureIsRethrownThoughALaterOneCameFirst()
    {
        using var later = new ManualResetEventSlim();
        var e = Assert.Throws<InvalidOperationException>(() => FixedPartition.For(10, 2, CancellationToken.None, i =>
        {
            if (i == 0)
            {
                Assert.True(later.Wait(TimeSpan.FromSeconds(30)));
                throw new InvalidOperationException("first");
            }
            later.Set();
            throw new InvalidOperationException("later");
        }));
        Assert.Equal("first", e.Message);
    }

    [Fact]
    public void NothingStartsAfterAFailure()
    {
        int started = 0;
        Assert.Throws<InvalidOperationException>(() => FixedPartition.For(100, 1, CancellationToken.None, i =>
        {
            started++;
            if (i == 3)
                throw new InvalidOperationException();
        }));
        Assert.Equal(4, started);
    }

    [Fact]
    public void CancellationStopsBetweenParts()
    {
        using var source = new CancellationTokenSource();
        int started = 0;
        Assert.Throws<OperationCanceledException>(() => FixedPartition.For(100, 1, source.Token, i =>
        {
            started++;
            if (i == 2)
                source.Cancel();
        }));
        Assert.Equal(3, started);
    }

    [Fact]
    public void CancellationAfterTheLastPartHasStartedIsNoFailure()
    {
        using var source = new CancellationTokenSource();
        FixedPartition.For(3, 1, source.Token, i =>
        {
            if (i == 2)
                source.Cancel();
        });
    }
}
