using System.Runtime.Intrinsics;

namespace ClusterLp.Core.Kernels;

/// <summary>
/// C = A B or C += A B on the calling thread. A: m x inner row-major with leading dimension lda; C: m x columns row-major
/// with leading dimension ldc; neither may overlap the other. O(m inner columns), no allocation after warm-up.
/// </summary>
/// <remarks>
/// The inner index is cut into blocks of 256. Within a block every entry is one fused multiply-add chain in increasing
/// order; the blocks' sums are added in order, to C's old value first where it accumulates. So the bits do not depend on
/// the kernel set, on m, or on a row's place among the rows.
/// </remarks>
public static unsafe class Gemm
{
    /// <summary>float32 throughout.</summary>
    /// <exception cref="ArgumentException">A leading dimension is too small, or a span too short.</exception>
    public static void Multiply(ReadOnlySpan<float> a, int lda, int m, PackedMatrix<float> b, Span<float> c, int ldc, bool accumulate = false)
    {
        Check(a.Length, lda, m, b.Inner, b.Columns, c.Length, ldc);
        using var clock = KernelClock.Measure(KernelKind.Product);
        fixed (float* pa = a, pc = c)
        {
            switch (b.Kernels)
            {
                case KernelSet.Avx512:
                    GemmDriver<float, Vector512<float>, Float512>.Run(pa, lda, m, b, pc, ldc, accumulate);
                    break;
                case KernelSet.Avx2:
                    GemmDriver<float, Vector256<float>, Float256>.Run(pa, lda, m, b, pc, ldc, accumulate);
                    break;
                default:
                    GemmDriver<float, float, FloatScalar>.Run(pa, lda, m, b, pc, ldc, accumulate);
                    break;
            }
        }
    }

    /// <summary>A float32, converted in the kernel; B, C and all sums float64.</summary>
    /// <inheritdoc cref="Multiply(ReadOnlySpan{float}, int, int, PackedMatrix{float}, Span{float}, int, bool)"/>
    public static void Multiply(ReadOnlySpan<float> a, int lda, int m, PackedMatrix<double> b, Span<double> c, int ldc, bool accumulate = false)
    {
        Check(a.Length, lda, m, b.Inner, b.Columns, c.Length, ldc);
        using var clock = KernelClock.Measure(KernelKind.Product);
        fixed (float* pa = a)
        fixed (double* pc = c)
        {
            switch (b.Kernels)
            {
                case KernelSet.Avx512:
                    GemmDriver<double, Vector512<double>, Double512>.Run(pa, lda, m, b, pc, ldc, accumulate);
                    break;
                case KernelSet.Avx2:
                    GemmDriver<double, Vector256<double>, Double256>.Run(pa, lda, m, b, pc, ldc, accumulate);
                    break;
                default:
                    GemmDriver<double, double, DoubleScalar>.Run(pa, lda, m, b, pc, ldc, accumulate);
                    break;
            }
        }
    }

    /// <summary>
    /// float64 throughout. A may lie beside C in one matrix, where no entry is in both. Its time counts for the
    /// factorisation it is part of.
    /// </summary>
    /// <inheritdoc cref="Multiply(ReadOnlySpan{float}, int, int, PackedMatrix{float}, Span{float}, int, bool)"/>
    public static void Multiply(ReadOnlySpan<double> a, int lda, int m, PackedMatrix<double> b, Span<double> c, int ldc, bool accumulate = false)
    {
        Check(a.Length, lda, m, b.Inner, b.Columns, c.Length, ldc);
        fixed (double* pa = a, pc = c)
        {
            switch (b.Kernels)
            {
                case KernelSet.Avx512:
                    GemmDriver<double, Vector512<double>, Double512>.Run(pa, lda, m, b, pc, ldc, accumulate);
                    break;
                case KernelSet.Avx2:
                    GemmDriver<double, Vector256<double>, Double256>.Run(pa, lda, m, b, pc, ldc, accumulate);
                    break;
                default:
                    GemmDriver<double, double, DoubleScalar>.Run(pa, lda, m, b, pc, ldc, accumulate);
                    break;
            }
        }
    }

    private static void Check(int aLength, int lda, int m, int inner, int columns, int cLength, int ldc)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(m);
        if (lda < inner || ldc < columns)
            throw new ArgumentException($"leading dimensions {lda} (A) and {ldc} (C) must be at least {inner} and {columns}");
        if (m > 0 && (aLength < (m - 1L) * lda + inner || cLength < (m - 1L) * ldc + columns))
            throw new ArgumentException($"spans of {aLength} (A) and {cLength} (C) values are too short for {m} rows");
    }
}
