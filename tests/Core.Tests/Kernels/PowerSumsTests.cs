using ClusterLp.Core.Kernels;
using static ClusterLp.Core.Tests.Kernels.KernelTestData;

namespace ClusterLp.Core.Tests.Kernels;

public class PowerSumsTests
{
    public static TheoryData<int> Lengths => [0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 1000];

    [Theory]
    [MemberData(nameof(Lengths))]
    public void SpecialPowersHaveTheBitsOfSixteenLanes(int length)
    {
        float[] x = Floats(length, 1), y = Floats(length, 2);
        Assert.Equal(Lanes(length, i => Math.Abs((double)x[i])), PowerSums.AbsolutePower(x, 1));
        Assert.Equal(Lanes(length, i => Math.Abs((double)x[i]) * Math.Sqrt(Math.Abs((double)x[i]))), PowerSums.AbsolutePower(x, 1.5));
        Assert.Equal(Lanes(length, i => (double)x[i] * x[i]), PowerSums.AbsolutePower(x, 2));
        Assert.Equal(Lanes(length, i => (double)x[i] * x[i]), PowerSums.Squares(x));
        Assert.Equal(Lanes(length, i => (double)x[i] * y[i]), PowerSums.Dot(x, y));
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void SumsTakenTogetherHaveTheBitsOfThoseTakenAlone(int length)
    {
        float[] x = Floats(length, 1), y = Floats(length, 2);
        foreach (double p in new[] { 1, 1.25, 1.5, 2 })
            Assert.Equal((PowerSums.AbsolutePower(x, p), PowerSums.Squares(x)), PowerSums.PowerAndSquares(x, p));
        Assert.Equal(
            (PowerSums.Squares(x), PowerSums.Dot(x, y), x.Select(Math.Abs).DefaultIfEmpty().Max()), PowerSums.SquaresDotLargest(x, y));
    }

    [Fact]
    public void TheLargestIsFoundInEveryPlace()
    {
        float[] zeros = new float[37];
        for (int i = 0; i < zeros.Length; i++)
        {
            float[] x = new float[37];
            x[i] = i % 2 == 0 ? -3 : 3;
            Assert.Equal((9, 0, 3f), PowerSums.SquaresDotLargest(x, zeros));
        }
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(1.0000001)]
    [InlineData(1.1)]
    [InlineData(4.0 / 3)]
    [InlineData(1.5)]
    [InlineData(1.9)]
    [InlineData(1.9999999)]
    [InlineData(2.0)]
    public void EveryPowerIsRightForEveryExponentOfFloat32(double p)
    {
        var random = new Random(3);
        for (int exponent = -149; exponent <= 127; exponent++)
            foreach (double mantissa in new[] { 1.0, 1.5, 1.41421353816986, 1.41421365737915, 1 + random.NextDouble(), 1.99999988079071 })
            {
                float x = (float)(mantissa * Math.Pow(2, exponent)) * (exponent % 2 == 0 ? 1 : -1);
                double expected = Math.Pow(Math.Abs((double)x), p);
                Assert.Equal(expected, PowerSums.AbsolutePower([x], p), expected * 1e-13);
            }
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void GeneralPowersSumAllElements(int length)
    {
        float[] x = Floats(length, 4);
        double expected = x.Sum(v => Math.Pow(Math.Abs((double)v), 1.3));
        Assert.Equal(expected, PowerSums.AbsolutePower(x, 1.3), expected * 1e-12);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1.25)]
    [InlineData(1.5)]
    [InlineData(2)]
    public void ZerosGiveZeroAndNonFiniteValuesAreNotHidden(double p)
    {
        Assert.Equal(0, PowerSums.AbsolutePower(new float[37], p));
        Assert.Equal(0, PowerSums.AbsolutePower([-0f, 0f], p));
        Assert.True(double.IsNaN(PowerSums.AbsolutePower([1, float.NaN, 2], p)));
        Assert.Equal(double.PositiveInfinity, PowerSums.AbsolutePower([1, float.NegativeInfinity, 2], p));
    }

    [Theory]
    [InlineData(0.99)]
    [InlineData(2.01)]
    [InlineData(double.NaN)]
    public void PowersOutsideOneToTwoAreRefused(double p) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => PowerSums.AbsolutePower([1], p));

    [Fact]
    public void DotProductsOfDifferentLengthsAreRefused() =>
        Assert.Throws<ArgumentException>(() => PowerSums.Dot(new float[3], new float[4]));

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void FirstNonFiniteValueIsFoundWhereverItIs(float bad)
    {
        float[] x = Floats(41, 5);
        x[7] = float.MaxValue;
        x[9] = -float.Epsilon;
        Assert.Equal(-1, PowerSums.FirstNonFinite(x));
        Assert.Equal(-1, PowerSums.FirstNonFinite([]));
        for (int at = x.Length - 1; at >= 0; at--)
        {
            x[at] = bad;
            Assert.Equal(at, PowerSums.FirstNonFinite(x));
        }
    }

    /// <summary>The documented order: element i in lane i mod 16, then halves onto halves.</summary>
    private static double Lanes(int length, Func<int, double> term)
    {
        double[] lanes = new double[16];
        for (int i = 0; i < length; i++)
            lanes[i % 16] += term(i);
        for (int half = 8; half > 0; half /= 2)
            for (int lane = 0; lane < half; lane++)
                lanes[lane] += lanes[lane + half];
        return lanes[0];
    }
}
