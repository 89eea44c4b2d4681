using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ClusterLp.Core.LinearAlgebra.Managed;

/// <summary>A symmetric matrix of which only the lower triangle is read, times a vector.</summary>
internal static class SymmetricProduct
{
    /// <summary>
    /// y = A x for the leading n x n part of A (row-major, <paramref name="stride"/> apart). Every entry is read once, for
    /// its row and for its column: n^2/2 reads, 2 n^2 flops.
    /// </summary>
    public static void Lower(ReadOnlySpan<double> a, int stride, int n, ReadOnlySpan<double> x, Span<double> y)
    {
        y[..n].Clear();
        int top = 0;
        for (; top + 4 <= n; top += 4)
        {
            FourRows(a[(top * stride)..], stride, top, x, y);
            for (int i = top; i < top + 4; i++)
                Row(a[(i * stride)..], top, i, x, y);
        }
        for (; top < n; top++)
            Row(a[(top * stride)..], 0, top, x, y);
    }

    /// <summary>Columns <paramref name="from"/> to the diagonal of one row.</summary>
    private static void Row(ReadOnlySpan<double> row, int from, int i, ReadOnlySpan<double> x, Span<double> y)
    {
        for (int j = from; j < i; j++)
        {
            y[i] = Math.FusedMultiplyAdd(row[j], x[j], y[i]);
            y[j] = Math.FusedMultiplyAdd(row[j], x[i], y[j]);
        }
        y[i] = Math.FusedMultiplyAdd(row[i], x[i], y[i]);
    }

    /// <summary>Columns 0 to <paramref name="top"/> (a multiple of four) of rows top to top + 3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourRows(ReadOnlySpan<double> rows, int stride, int top, ReadOnlySpan<double> x, Span<double> y)
    {
        ref double r0 = ref MemoryMarshal.GetReference(rows);
        ref double r1 = ref Unsafe.Add(ref r0, stride);
        ref double r2 = ref Unsafe.Add(ref r1, stride);
        ref double r3 = ref Unsafe.Add(ref r2, stride);
        ref double xs = ref MemoryMarshal.GetReference(x);
        ref double ys = ref MemoryMarshal.GetReference(y);
        Vector256<double> x0 = Vector256.Create(x[top]), x1 = Vector256.Create(x[top + 1]);
        Vector256<double> x2 = Vector256.Create(x[top + 2]), x3 = Vector256.Create(x[top + 3]);
        Vector256<double> s0 = default, s1 = default, s2 = default, s3 = default;
        for (nuint j = 0; j < (nuint)top; j += 4)
        {
            Vector256<double> right = Vector256.LoadUnsafe(ref xs, j), sum = Vector256.LoadUnsafe(ref ys, j);
            Vector256<double> a0 = Vector256.LoadUnsafe(ref r0, j), a1 = Vector256.LoadUnsafe(ref r1, j);
            Vector256<double> a2 = Vector256.LoadUnsafe(ref r2, j), a3 = Vector256.LoadUnsafe(ref r3, j);
            s0 = Vector256.FusedMultiplyAdd(a0, right, s0);
            s1 = Vector256.FusedMultiplyAdd(a1, right, s1);
            s2 = Vector256.FusedMultiplyAdd(a2, right, s2);
            s3 = Vector256.FusedMultiplyAdd(a3, right, s3);
            sum = Vector256.FusedMultiplyAdd(a0, x0, sum);
            sum = Vector256.FusedMultiplyAdd(a1, x1, sum);
            sum = Vector256.FusedMultiplyAdd(a2, x2, sum);
            Vector256.FusedMultiplyAdd(a3, x3, sum).StoreUnsafe(ref ys, j);
        }
        y[top] += FusedVectors.Sum(s0);
        y[top + 1] += FusedVectors.Sum(s1);
        y[top + 2] += FusedVectors.Sum(s2);
        y[top + 3] += FusedVectors.Sum(s3);
    }
}
