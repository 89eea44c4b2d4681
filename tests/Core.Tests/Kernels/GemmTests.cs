using ClusterLp.Core.Kernels;
using static ClusterLp.Core.Tests.Kernels.KernelTestData;

namespace ClusterLp.Core.Tests.Kernels;

public class GemmTests
{
    private const float Untouched = -7777;

    /// <summary>m, inner, columns: tiny, around the register tiles (4, 8 rows; 8 to 48 columns), the strip and the inner block.</summary>
    public static TheoryData<int, int, int> Shapes()
    {
        var shapes = new TheoryData<int, int, int>();
        foreach (int m in new[] { 1, 2, 3, 4, 5, 7, 8, 9, 17 })
            foreach (int columns in new[] { 1, 2, 3, 8, 11, 12, 13, 16, 24, 25, 33, 47, 48, 49, 97 })
                shapes.Add(m, (m * 31 + columns * 7) % 19 + 1, columns);
        foreach (int inner in new[] { 255, 256, 257, 511, 512, 513, 700 })
            shapes.Add(9, inner, 50);
        foreach (int m in new[] { 63, 127, 128, 129, 136, 260 })
            shapes.Add(m, 300, 53);
        return shapes;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Float32ProductHasTheDefinedBitsOnEveryKernelSet(int m, int inner, int columns)
    {
        int lda = inner + 3, ldc = columns + 5;
        float[] a = Floats(m * lda, 1), b = Floats(inner * columns, 2), old = Floats(m * ldc, 3);
        foreach (bool accumulate in new[] { false, true })
        {
            float[] expected = Defined(a, lda, m, b, inner, columns, old, ldc, accumulate);
            foreach (KernelSet set in Sets)
            {
                float[] c = (float[])old.Clone();
                Gemm.Multiply(a, lda, m, PackedMatrix<float>.FromRows(b, inner, columns, kernels: set), c, ldc, accumulate);
                AssertSameBits<float>(expected, c, $"{set}, accumulate {accumulate}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Float64ProductHasTheDefinedBitsOnEveryKernelSet(int m, int inner, int columns)
    {
        int lda = inner + 1, ldc = columns + 2;
        float[] a = Floats(m * lda, 4);
        double[] b = Doubles(inner * columns, 5), old = Doubles(m * ldc, 6);
        foreach (bool accumulate in new[] { false, true })
        {
            double[] expected = Defined(Array.ConvertAll(a, v => (double)v), lda, m, b, inner, columns, old, ldc, accumulate);
            foreach (KernelSet set in Sets)
            {
                double[] c = (double[])old.Clone();
                Gemm.Multiply(a, lda, m, PackedMatrix<double>.FromRows(b, inner, columns, kernels: set), c, ldc, accumulate);
                AssertSameBits<double>(expected, c, $"{set}, accumulate {accumulate}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void ProductOfFloat64HasTheDefinedBitsOnEveryKernelSet(int m, int inner, int columns)
    {
        int lda = inner + 4, ldc = columns + 1;
        double[] a = Doubles(m * lda, 15), b = Doubles(inner * columns, 16), old = Doubles(m * ldc, 17);
        foreach (bool accumulate in new[] { false, true })
        {
            double[] expected = Defined(a, lda, m, b, inner, columns, old, ldc, accumulate);
            foreach (KernelSet set in Sets)
            {
                double[] c = (double[])old.Clone();
                Gemm.Multiply(a, lda, m, PackedMatrix<double>.FromRows(b, inner, columns, kernels: set), c, ldc, accumulate);
                AssertSameBits<double>(expected, c, $"{set}, accumulate {accumulate}");
            }
        }
    }

    [Theory]
    [InlineData(5, 7, 3)]
    [InlineData(130, 700, 101)]
    public void ProductsAreAccurate(int m, int inner, int columns)
    {
        float[] a = Floats(m * inner, 7), b = Floats(inner * columns, 8), c = new float[m * columns];
        double[] wide = new double[m * columns];
        Gemm.Multiply(a, inner, m, PackedMatrix<float>.FromRows(b, inner, columns), c, columns);
        Gemm.Multiply(a, inner, m, PackedMatrix<double>.FromRows(Array.ConvertAll(b, v => (double)v), inner, columns), wide, columns);
        for (int i = 0; i < m; i++)
            for (int j = 0; j < columns; j++)
            {
                // The product of two float32 values is exact in float64; Neumaier's sum keeps what each addition loses.
                double sum = 0, lost = 0, size = 0;
                for (int t = 0; t < inner; t++)
                {
                    double term = (double)a[i * inner + t] * b[t * columns + j], next = sum + term;
                    lost += Math.Abs(sum) >= Math.Abs(term) ? sum - next + term : term - next + sum;
                    sum = next;
                    size += Math.Abs(term);
                }
                // A sum of N rounded terms is off by at most N u times the sum of their sizes.
                Assert.Equal(sum + lost, c[i * columns + j], size * inner * 6e-8);
                Assert.Equal(sum + lost, wide[i * columns + j], size * inner * 1.2e-16);
            }
    }

    [Fact]
    public void RowHasTheSameBitsWhereverItStands()
    {
        const int m = 150, inner = 300, columns = 61;
        float[] a = Floats(m * inner, 9), all = new float[m * columns], alone = new float[columns];
        foreach (KernelSet set in Sets)
        {
            var b = PackedMatrix<float>.FromRows(Floats(inner * columns, 10), inner, columns, kernels: set);
            Gemm.Multiply(a, inner, m, b, all, columns);
            for (int i = 0; i < m; i++)
            {
                Gemm.Multiply(a.AsSpan(i * inner, inner), inner, 1, b, alone, columns);
                AssertSameBits<float>(all.AsSpan(i * columns, columns), alone, $"{set}, row {i}");
            }
        }
    }

    [Fact]
    public void PackingTheTransposeIsTheSameMatrix()
    {
        const int m = 6, inner = 290, columns = 55;
        float[] a = Floats(m * inner, 11), b = Floats(inner * columns, 12), transposed = new float[b.Length];
        for (int t = 0; t < inner; t++)
            for (int j = 0; j < columns; j++)
                transposed[j * inner + t] = b[t * columns + j];
        float[] c = new float[m * columns], d = new float[m * columns];
        Gemm.Multiply(a, inner, m, PackedMatrix<float>.FromRows(b, inner, columns), c, columns);
        Gemm.Multiply(a, inner, m, PackedMatrix<float>.FromTransposed(transposed, inner, columns), d, columns);
        AssertSameBits<float>(c, d, "transposed");
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(20, 20)]
    [InlineData(300, 300)]
    [InlineData(520, 531)]
    [InlineData(531, 20)]
    public void SkippingATrianglesZerosChangesNoBit(int inner, int columns)
    {
        const int m = 11;
        float[] a = Floats(m * inner, 13);
        double[] dirty = Doubles(inner * columns, 14), clean = (double[])dirty.Clone();
        for (int t = 0; t < inner; t++)
            for (int j = 0; j < Math.Min(t, columns); j++)
                (clean[t * columns + j], dirty[t * columns + j]) = (0, double.NaN);
        foreach (KernelSet set in Sets)
        {
            double[] full = new double[m * columns], skipped = new double[m * columns];
            Gemm.Multiply(a, inner, m, PackedMatrix<double>.FromRows(clean, inner, columns, kernels: set), full, columns);
            Gemm.Multiply(a, inner, m, PackedMatrix<double>.FromRows(dirty, inner, columns, upperTriangular: true, kernels: set), skipped, columns);
            AssertSameBits<double>(full, skipped, set.ToString());
        }
    }

    [Fact]
    public void EmptySumsAreZero()
    {
        float[] c = [1, 2, Untouched, 3, 4, Untouched];
        var b = PackedMatrix<float>.FromRows([], 0, 2);
        Gemm.Multiply([], 0, 2, b, c, 3, accumulate: true);
        Assert.Equal([1, 2, Untouched, 3, 4, Untouched], c);
        Gemm.Multiply([], 0, 2, b, c, 3);
        Assert.Equal([0, 0, Untouched, 0, 0, Untouched], c);
        Gemm.Multiply([], 0, 0, b, [], 3);
    }

    [Fact]
    public void ShapesThatDoNotFitAreRefused()
    {
        var b = PackedMatrix<float>.FromRows(new float[6], 3, 2);
        Assert.Throws<ArgumentException>(() => Gemm.Multiply(new float[5], 3, 2, b, new float[4], 2));
        Assert.Throws<ArgumentException>(() => Gemm.Multiply(new float[6], 3, 2, b, new float[3], 2));
        Assert.Throws<ArgumentException>(() => Gemm.Multiply(new float[6], 2, 2, b, new float[4], 2));
        Assert.Throws<ArgumentException>(() => Gemm.Multiply(new float[6], 3, 2, b, new float[4], 1));
        Assert.Throws<ArgumentException>(() => PackedMatrix<float>.FromRows(new float[5], 3, 2));
        Assert.Throws<NotSupportedException>(() => PackedMatrix<int>.FromRows(new int[6], 3, 2));
    }

    /// <summary>The documented definition: a fused chain in blocks of 256, blocks added in order; the rest of C untouched.</summary>
    private static float[] Defined(float[] a, int lda, int m, float[] b, int inner, int columns, float[] old, int ldc, bool accumulate)
    {
        float[] c = (float[])old.Clone();
        for (int i = 0; i < m; i++)
            for (int j = 0; j < columns; j++)
                for (int from = 0; from < inner; from += 256)
                {
                    float sum = 0;
                    for (int t = from; t < Math.Min(inner, from + 256); t++)
                        sum = MathF.FusedMultiplyAdd(a[i * lda + t], b[t * columns + j], sum);
                    c[i * ldc + j] = from == 0 && !accumulate ? sum : c[i * ldc + j] + sum;
                }
        return c;
    }

    private static double[] Defined(double[] a, int lda, int m, double[] b, int inner, int columns, double[] old, int ldc, bool accumulate)
    {
        double[] c = (double[])old.Clone();
        for (int i = 0; i < m; i++)
            for (int j = 0; j < columns; j++)
                for (int from = 0; from < inner; from += 256)
                {
                    double sum = 0;
                    for (int t = from; t < Math.Min(inner, from + 256); t++)
                        sum = Math.FusedMultiplyAdd(a[i * lda + t], b[t * columns + j], sum);
                    c[i * ldc + j] = from == 0 && !accumulate ? sum : c[i * ldc + j] + sum;
                }
        return c;
    }
}
