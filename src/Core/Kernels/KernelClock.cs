using System.Diagnostics;

namespace ClusterLp.Core.Kernels;

/// <summary>What a thread does while it computes; everything else (files, hashes, messages, waiting) is not kernel time.</summary>
public enum KernelKind
{
    /// <summary>Matrix products, and packing their right operands.</summary>
    Product,
    /// <summary>Weighted Gram matrices.</summary>
    Gram,
    /// <summary>Eigenvectors, Cholesky factors, triangular inverses.</summary>
    Factorisation,
    /// <summary>Passes over entries: proximal maps, sums of powers, of matrices, scaling, rounding, the check that they are finite.</summary>
    Elementwise,
}

/// <summary>Seconds in the kernels since the process began, summed over threads.</summary>
/// <param name="Busy">Wall seconds in which at least one thread was in a kernel.</param>
public sealed record KernelTimes(double Products, double Grams, double Factorisations, double Elementwise, double Busy)
{
    public double Total => Products + Grams + Factorisations + Elementwise;

    public static KernelTimes operator -(KernelTimes a, KernelTimes b) => new(
        a.Products - b.Products, a.Grams - b.Grams, a.Factorisations - b.Factorisations, a.Elementwise - b.Elementwise, a.Busy - b.Busy);
}

/// <summary>
/// Adds up the time threads spend in kernels. A kernel called from within another's time counts for itself alone, so that
/// no second of a thread is counted twice. Two readings of the clock a kernel, and for the outermost a lock: about 100 ns. It
/// measures and decides nothing.
/// </summary>
public static class KernelClock
{
    private static readonly long[] Ticks = new long[4];

    private static readonly Lock Gate = new();

    // Threads in a kernel; since when there has been one; and how long there was one before.
    private static int _active;
    private static long _since, _busy;

    // Time of the kernels that ended within the one under way on this thread, and how many are under way on it.
    [ThreadStatic] private static long _inner;
    [ThreadStatic] private static int _depth;

    /// <summary>What was counted until now.</summary>
    public static KernelTimes Read()
    {
        double busy;
        lock (Gate)
            busy = (_busy + (_active > 0 ? Stopwatch.GetTimestamp() - _since : 0)) / (double)Stopwatch.Frequency;
        return new(Seconds(KernelKind.Product), Seconds(KernelKind.Gram), Seconds(KernelKind.Factorisation), Seconds(KernelKind.Elementwise), busy);
    }

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
            if (_depth++ == 0)
                lock (Gate)
                    if (_active++ == 0)
                        _since = Stopwatch.GetTimestamp();
            _start = Stopwatch.GetTimestamp();
        }

        public void Dispose()
        {
            long elapsed = Stopwatch.GetTimestamp() - _start;
            Interlocked.Add(ref Ticks[(int)_kind], elapsed - _inner);
            _inner = _outer + elapsed;
            if (--_depth == 0)
                lock (Gate)
                    if (--_active == 0)
                        _busy += Stopwatch.GetTimestamp() - _since;
        }
    }
}
