namespace ClusterLp.Core.Sketches;

/// <summary>
/// The spectrum of K from the eigenvalues of m random samples of it, G = T^T K T: large samples spread and lift the eigenvalues in a way
/// that is known (Marchenko and Pastur 1967), and is undone here as by El Karoui 2008 ("Spectrum estimation for large dimensional
/// covariance matrices using random matrix theory"), with least squares in the place of his linear programme.
/// </summary>
/// <remarks>
/// With v = tr (G + x I)^-1 / m, for any x > 0, the limit's equation reads m (1 / v - x) = sum over K's eigenvalues of l / (1 + l v). The left
/// side is known for many x, the right side is linear in the numbers of eigenvalues at the points of a grid, and these are found by
/// non-negative least squares of relative errors.
/// </remarks>
internal static class SpectrumInversion
{
    private const int Points = 160, Equations = 120;

    // Eigenvalues below this share of the largest are left out, and so is whatever of K lies as deep.
    private const double Least = 1e-10;

    /// <summary>Sum of K's eigenvalues but the first k, estimated, for k = 0, 1, ... <paramref name="largest"/>.</summary>
    /// <param name="values">All m of G, descending, the first above 0.</param>
    /// <param name="largest">The last k.</param>
    public static double[] Tails(double[] values, int largest)
    {
        int m = values.Length;
        double[] shares = Array.ConvertAll(values, value => Math.Max(value, 0) / values[0]);
        double least = shares.Last(share => share > Least);
        double[] grid = Geometric(1.3, least / 50, Points), matrix = new double[Equations * Points], ones = new double[Equations];
        double[] at = Geometric(30, least / 1000, Equations);
        for (int e = 0; e < Equations; e++)
        {
            double x = at[e], v = shares.Sum(share => 1 / (share + x)) / m, known = m * (1 / v - x);
            for (int j = 0; j < Points; j++)
                matrix[e * Points + j] = grid[j] / ((1 + grid[j] * v) * known);
            ones[e] = 1;
        }
        double[] numbers = NonnegativeLeastSquares.Solve(matrix, ones, Equations, Points);
        double sum = 0;
        for (int j = 0; j < Points; j++)
            sum += numbers[j] * grid[j];
        var tails = new double[largest + 1];
        double passed = 0;
        for (int k = 0, j = 0; k <= largest; k++)
        {
            // A point may count for part of an eigenvalue.
            for (; j < Points && passed + numbers[j] <= k; j++)
            {
                passed += numbers[j];
                sum -= numbers[j] * grid[j];
            }
            tails[k] = j < Points ? Math.Max(0, sum - (k - passed) * grid[j]) * values[0] : 0;
        }
        return tails;
    }

    private static double[] Geometric(double first, double last, int count) =>
        [.. Enumerable.Range(0, count).Select(i => first * Math.Pow(last / first, i / (count - 1.0)))];
}
