using ClusterLp.Core.Kernels;
using static ClusterLp.Core.Tests.Kernels.KernelTestData;

namespace ClusterLp.Core.Tests.Kernels;

public class GramTests
{
    public static TheoryData<int, int> Shapes()
    {
        var shapes = new TheoryData<int, int>();
        foreach (int d in new[] { 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 16, 23, 24, 25, 31, 32, 33, 48, 50, 97 })
            shapes.Add(d % 7 + 1, d);
        foreach (int count in new[] { 0, 1, 255, 256, 257, 512, 700 })
            shapes.Add(count, 29);
        return shapes;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void WeightedGramHasTheDefinedBitsOnEveryKernelSet(int count, int d)
    {
        float[] rows = Floats(count * d, 1);
        double[] old = Doubles(d * d, 2);
        foreach (double[] weights in new[] { [], Doubles(count, 3) })
        {
            double[] expected = Defined(rows, count, d, weights, old);
            foreach (KernelSet set in Sets)
            {
                double[] gram = (double[])old.Clone();
                Gram.AccumulateUpper(rows, count, d, weights, gram, set);
                AssertSameBits<double>(expected, gram, $"{set}, {weights.Length} weights");
            }
        }
    }

    [Fact]
    public void WeightsThatSpanManyOrdersAreKeptToFloat64Accuracy()
    {
        const int count = 400, d = 10;
        float[] rows = Floats(count * d, 4);
        double[] weights = [.. Enumerable.Range(0, count).Select(i => Math.Pow(10, i % 25 - 12))];
        double[] gram = new double[d * d];
        Gram.AccumulateUpper(rows, count, d, weights, gram);
        for (int s = 0; s < d; s++)
        {
            // The diagonal has no cancellation, so a Kahan sum is exact to the last bits.
            double sum = 0, lost = 0;
            for (int i = 0; i < count; i++)
            {
                double term = weights[i] * rows[i * d + s] * rows[i * d + s] - lost;
                double next = sum + term;
                lost = next - sum - term;
                sum = next;
            }
            Assert.Equal(sum, gram[s * d + s], sum * 1e-14);
        }
    }

    [Fact]
    public void CallsCutAtTheBlockGiveTheBitsOfOneCall()
    {
        const int count = 900, d = 37;
        float[] rows = Floats(count * d, 5);
        double[] weights = Doubles(count, 6), whole = new double[d * d], cut = new double[d * d];
        Gram.AccumulateUpper(rows, count, d, weights, whole);
        Gram.AccumulateUpper(rows, 512, d, weights, cut);
        Gram.AccumulateUpper(rows.AsSpan(512 * d), count - 512, d, weights.AsSpan(512), cut);
        AssertSameBits<double>(whole, cut, "two calls");
    }

    [Fact]
    public void MirroringMakesItSymmetric()
    {
        double[] gram = [1, 2, 3, -1, 4, 5, -1, -1, 6];
        Gram.MirrorUpper(gram, 3);
        Assert.Equal([1, 2, 3, 2, 4, 5, 3, 5, 6], gram);
    }

    [Fact]
    public void ShapesThatDoNotFitAreRefused()
    {
        Assert.Throws<ArgumentException>(() => Gram.AccumulateUpper(new float[5], 2, 3, [], new double[9]));
        Assert.Throws<ArgumentException>(() => Gram.AccumulateUpper(new float[6], 2, 3, new double[1], new double[9]));
        Assert.Throws<ArgumentException>(() => Gram.AccumulateUpper(new float[6], 2, 3, [], new double[8]));
    }

    /// <summary>The documented definition: blocks of 256 rows, a fused chain in each; the strict lower triangle untouched.</summary>
    private static double[] Defined(float[] rows, int count, int d, double[] weights, double[] old)
    {
        double[] gram = (double[])old.Clone();
        for (int from = 0; from < count; from += 256)
            for (int s = 0; s < d; s++)
                for (int t = s; t < d; t++)
                {
                    double sum = 0;
                    for (int i = from; i < Math.Min(count, from + 256); i++)
                        sum = Math.FusedMultiplyAdd((weights.Length == 0 ? 1 : weights[i]) * rows[i * d + s], rows[i * d + t], sum);
                    gram[s * d + t] += sum;
                }
        return gram;
    }
}
