namespace ClusterLp.Core.Kernels;

/// <summary>
/// C = A B or C += A B on the calling thread. A: m x inner row-major with leading dimension lda; C: m x columns row-major
/// with leading dimension ldc. Every entry is one fused multiply-add chain over the inner index in increasing order, cut
/// at fixed inner blocks, so the bits do not depend on the instruction set, on m, or on a row's place in the tile.
/// </summary>
public static class Gemm
{
    /// <summary>float32 throughout.</summary>
    public static void Multiply(ReadOnlySpan<float> a, int lda, int m, PackedMatrix<float> b, Span<float> c, int ldc, bool accumulate = false)
    {
        for (int i = 0; i < m; i++)
            for (int j = 0; j < b.Columns; j++)
            {
                float sum = 0;
                for (int t = 0; t < b.Inner; t++)
                    sum = MathF.FusedMultiplyAdd(a[i * lda + t], b.Data[t * b.Columns + j], sum);
                c[i * ldc + j] = accumulate ? c[i * ldc + j] + sum : sum;
            }
    }

    /// <summary>A float32, converted in the kernel; B, C and all sums float64.</summary>
    public static void Multiply(ReadOnlySpan<float> a, int lda, int m, PackedMatrix<double> b, Span<double> c, int ldc, bool accumulate = false)
    {
        for (int i = 0; i < m; i++)
            for (int j = 0; j < b.Columns; j++)
            {
                double sum = 0;
                for (int t = 0; t < b.Inner; t++)
                    sum = Math.FusedMultiplyAdd(a[i * lda + t], b.Data[t * b.Columns + j], sum);
                c[i * ldc + j] = accumulate ? c[i * ldc + j] + sum : sum;
            }
    }
}
