using ClusterLp.Core.LpFit;
using MathNet.Numerics.Distributions;

namespace ClusterLp.Core.Tests.LpFit;

public class GeneralisedGaussianTests
{
    private const int D = 50;

    [Theory]
    [InlineData(1.0, 1.0), InlineData(1.2, 1.2), InlineData(1.5, 1.5), InlineData(1.8, 1.8), InlineData(2.0, 2.0), InlineData(0.7, 1.0), InlineData(3.0, 2.0)]
    public void The_shape_of_a_generated_sample_is_found_within_its_standard_error(double shape, double clipped)
    {
        float[] sample = Sample(shape, 4000 * D, 1e-5);
        // The standard error of 200,000 entries is about 0.005.
        Assert.InRange(GeneralisedGaussian.Shape(sample, D, Ones(4000)), clipped - 0.02, clipped + 0.02);
    }

    [Theory]
    [InlineData(1.5), InlineData(2.5), InlineData(4.0)]
    public void The_tail_index_of_a_pareto_sample_is_its_exponent(double exponent)
    {
        var random = new Random(3);
        float[] sample = [.. Enumerable.Range(0, 4000 * D).Select(_ => (float)(Math.Pow(1 - random.NextDouble(), -1 / exponent) * (random.Next(2) * 2 - 1)))];
        // Of 2000 largest entries: a standard error of exponent / sqrt(2000).
        Assert.InRange(GeneralisedGaussian.TailIndex(sample, D, Ones(4000))!.Value / exponent, 0.93, 1.07);
    }

    [Fact]
    public void A_gaussian_tail_is_light()
    {
        // P(|x| > t) = 0.01 at t = 2.576, where the logarithm of the tail falls by about t^2 + 1 for each unit of log t.
        Assert.InRange(GeneralisedGaussian.TailIndex(Sample(2, 4000 * D, 3), D, Ones(4000))!.Value, 7, 10);
    }

    [Fact]
    public void A_weight_counts_like_copies()
    {
        float[] rows = Sample(1.3, 300 * D, 1), copies = [.. Enumerable.Range(0, 300).SelectMany(i => Enumerable.Repeat(rows[(i * D)..((i + 1) * D)], 1 + i % 3).SelectMany(row => row))];
        double[] weights = [.. Enumerable.Range(0, 300).Select(i => 1.0 + i % 3)];
        double[] ones = Ones(copies.Length / D);
        Assert.Equal(GeneralisedGaussian.Shape(copies, D, ones), GeneralisedGaussian.Shape(rows, D, weights), 1e-9);
        Assert.Equal(GeneralisedGaussian.Shape(copies, D, ones), GeneralisedGaussian.Shape(rows, D, Array.ConvertAll(weights, w => 0.1 * w)), 1e-9);
        // The boundary of the 1 % may fall between copies.
        Assert.InRange(GeneralisedGaussian.TailIndex(rows, D, weights)!.Value / GeneralisedGaussian.TailIndex(copies, D, ones)!.Value, 0.97, 1.03);
    }

    [Fact]
    public void Nothing_left_has_the_gaussian_shape_and_no_tail()
    {
        Assert.Equal(2, GeneralisedGaussian.Shape(new float[D], D, Ones(1)));
        Assert.Null(GeneralisedGaussian.TailIndex(new float[D], D, Ones(1)));
        Assert.Null(GeneralisedGaussian.TailIndex([.. Enumerable.Repeat(-3f, 4 * D)], D, Ones(4)));
    }

    // |x|^b is Gamma(1/b) distributed.
    private static float[] Sample(double shape, int count, double scale)
    {
        var random = new Random(7);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(scale * Math.Pow(Gamma.Sample(random, 1 / shape, 1), 1 / shape) * (random.Next(2) * 2 - 1)))];
    }

    private static double[] Ones(int count) => [.. Enumerable.Repeat(1.0, count)];
}
