using ClusterLp.Core.Coresets;

namespace ClusterLp.Core.Tests.Coresets;

public class RowSamplerTests
{
    [Theory]
    [InlineData(0.0), InlineData(0.03), InlineData(0.7), InlineData(3.25)]
    public void The_mean_number_of_copies_is_the_expected_one(double expected)
    {
        const int rows = 100_000;
        double mean = Enumerable.Range(0, rows).Average(i => RowSampler.Copies(expected, 7, 0, i));
        // Five standard deviations of a mean of coin tosses.
        double fraction = expected - Math.Floor(expected);
        Assert.InRange(mean - expected, -5 * Math.Sqrt(fraction / rows) - 1e-9, 5 * Math.Sqrt(fraction / rows) + 1e-9);
    }

    [Fact]
    public void Seed_tensor_and_row_all_matter()
    {
        double[] draws = [RowSampler.Uniform(1, 0, 0), RowSampler.Uniform(0, 1, 0), RowSampler.Uniform(0, 0, 1), RowSampler.Uniform(0, 0, 0)];
        Assert.Equal(4, draws.Distinct().Count());
        Assert.Equal(draws[0], RowSampler.Uniform(1, 0, 0));
    }
}
