using System.Diagnostics;

namespace ClusterLp.Core.Kernels;

/// <summary>What a thread does while it computes; everything else (files, hashes, messages, waiting) is not kernel time.</summary>
public enum KernelKind
{
    /// <summary>Matrix products.</summary>
    Product,
    /// <summary>Weighted Gram matrices.</summary>
    Gram,
    /// <summary>Eigenvectors, Cholesky factors, triangular inverses.</summary>
    Factorisation,
    /// <summary>Passes over entries: proximal maps, sums of powers, scaling, rounding.</summary>
    Elementwise,
}

/// <summary>Seconds in the kernels since the process began, summed over threads.</summary>
public sealed record KernelTimes(double Products, double Grams, double Factorisations, double Elementwise)
{
    public double Total => Products + Grams + Factorisations + Elementwise;

    public static KernelTimes operator -(KernelTimes a, KernelTimes b) => new(
        a.Products - b.Products, a.Grams - b.Grams, a.Factorisations - b.Factorisations, a.Elementwise - b.Elementwise);
}

/// <summary>
/// Adds up the time threads spend in kernels. A kernel called from within another's time counts for itself alone, so that
/// no second of a thread is counted twice. Two readings of the clock a kernel: about 50 ns. It measures and decides nothing.
/// </summary>
public static class KernelClock
{
    private static readonly long[] Ticks = new long[4];

    // Time of the kernels that ended within the one under way on this thread.
    [ThreadStatic] private static long _inner;

    /// <summary>What was counted until now.</summary>
    public static KernelTimes Read() => new(Seconds(KernelKind.Product), Seconds(KernelKind.Gram), Seconds(KernelKind.Factorisation), Seconds(KernelKind.Elementwise));

    /// <summary>Counts from now until the result is disposed, on this thread.</summary>
    public static Running Measure(KernelKind kind) => new(kind);

    private static double Seconds(KernelKind kind) => Volatile.Read(ref Ticks[(int)kind]) / (double)Stopwatch.Frequency;

    /// <summary>A kernel under way.</summary>
    public readonly ref struct Running
    {
        private readonly KernelKind _kind;
        private readonly long _start, _outer;

        internal Running(KernelKind kind)
        {
            (_kind, _outer, _inner) = (kind, _inner, 0);
            _start = Stopwatch.GetTimestamp();
        }

        public void Dispose()
        {
            long elapsed = Stopwatch.GetTimestamp() - _start;
            Interlocked.Add(ref Ticks[(int)_kind], elapsed - _inner);
            _inner = _outer + elapsed;
        }
    }
}
