using ClusterLp.Core.Sketches;
using MathNet.Numerics.LinearAlgebra;

namespace ClusterLp.Core.Tests.Sketches;

public class NonnegativeLeastSquaresTests
{
    [Fact]
    public void The_solution_is_the_best_of_all_subsets_of_free_columns()
    {
        const int rows = 9, columns = 6;
        for (int seed = 0; seed < 30; seed++)
        {
            var random = new Random(seed);
            double[] matrix = [.. Enumerable.Range(0, rows * columns).Select(_ => random.NextDouble() - 0.3)], b = [.. Enumerable.Range(0, rows).Select(_ => random.NextDouble() - 0.3)];
            double best = Enumerable.Range(0, 1 << columns).Min(set =>
            {
                int[] free = [.. Enumerable.Range(0, columns).Where(j => (set >> j & 1) == 1)];
                if (free.Length == 0)
                    return Error(matrix, b, new double[columns], columns);
                Vector<double> part = Matrix<double>.Build.Dense(rows, free.Length, (i, f) => matrix[i * columns + free[f]]).QR().Solve(Vector<double>.Build.Dense(b));
                var x = new double[columns];
                for (int f = 0; f < free.Length; f++)
                    x[free[f]] = part[f];
                return x.All(value => value >= 0) ? Error(matrix, b, x, columns) : double.MaxValue;
            });
            double[] found = NonnegativeLeastSquares.Solve(matrix, b, rows, columns);
            Assert.All(found, value => Assert.True(value >= 0));
            Assert.Equal(best, Error(matrix, b, found, columns), 1e-9);
        }
    }

    [Fact]
    public void Nearly_dependent_columns_are_fitted_as_well()
    {
        // 1 / (1 + x y) on a fine grid of y: what spectra are found from.
        const int rows = 60, columns = 80;
        var matrix = new double[rows * columns];
        var b = new double[rows];
        for (int i = 0; i < rows; i++)
        {
            double x = Math.Pow(10, i / 10.0 - 3);
            for (int j = 0; j < columns; j++)
                matrix[i * columns + j] = 1 / (1 + x * Math.Pow(10, j / 20.0 - 2));
            b[i] = 2 / (1 + x * 0.1) + 3 / (1 + x * 10.0);
        }
        double[] found = NonnegativeLeastSquares.Solve(matrix, b, rows, columns);
        Assert.All(found, value => Assert.True(value >= 0));
        Assert.InRange(Error(matrix, b, found, columns), 0, 1e-8 * b.Sum(value => value * value));
        Assert.Equal(5, found.Sum(), 1e-2);
    }

    private static double Error(double[] matrix, double[] b, double[] x, int columns) =>
        b.Select((value, i) => Math.Pow(value - Enumerable.Range(0, columns).Sum(j => matrix[i * columns + j] * x[j]), 2)).Sum();
}
