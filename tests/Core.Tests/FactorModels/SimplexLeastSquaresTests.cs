using ClusterLp.Core.FactorModels.Simplex;
using MathNet.Numerics.LinearAlgebra;

namespace ClusterLp.Core.Tests.FactorModels;

/// <summary>Least squares over the simplex against all sets of vertices in use, by MathNet, and against the conditions of optimality.</summary>
public class SimplexLeastSquaresTests
{
    private static (Matrix<double> V, Vector<double> A) Problem(int k, int d, int seed, double collinear = 0)
    {
        var random = new Random(seed);
        double Next() => 2 * random.NextDouble() - 1;
        Matrix<double> v = Matrix<double>.Build.Dense(k, d, (_, _) => Next());
        // Vertices that nearly depend on one another.
        for (int t = 1; t < k && collinear > 0; t++)
            v.SetRow(t, v.Row(0) + collinear * v.Row(t));
        Vector<double> a = seed % 3 == 0 ? v.LeftMultiply(Vector<double>.Build.Dense(k, 1.0 / k)) : Vector<double>.Build.Dense(d, _ => Next());
        return (v, a);
    }

    private static (SimplexSolution Solution, double[] W) Solve(Matrix<double> v, Vector<double> a, double tolerance)
    {
        int k = v.RowCount;
        var w = new double[k];
        Matrix<double> gram = v * v.Transpose();
        SimplexSolution solution = new SimplexLeastSquares(gram.ToRowMajorArray(), k).Solve((v * a).ToArray(), a * a, tolerance, w);
        return (solution, w);
    }

    /// <summary>The least over all supports: on each, a linear system with the weights' sum as a constraint.</summary>
    private static double Least(Matrix<double> v, Vector<double> a)
    {
        int k = v.RowCount;
        double least = double.PositiveInfinity;
        for (int set = 1; set < 1 << k; set++)
        {
            int[] used = [.. Enumerable.Range(0, k).Where(t => (set >> t & 1) == 1)];
            int s = used.Length;
            Matrix<double> some = Matrix<double>.Build.DenseOfRowVectors(used.Select(t => v.Row(t)));
            Matrix<double> system = Matrix<double>.Build.Dense(s + 1, s + 1, (i, j) => i == s && j == s ? 0 : i == s || j == s ? 1 : some.Row(i) * some.Row(j));
            Vector<double> right = Vector<double>.Build.Dense(s + 1, i => i == s ? 1 : some.Row(i) * a);
            Vector<double> w = system.Solve(right).SubVector(0, s);
            if (w.All(x => x >= -1e-12))
                least = Math.Min(least, (a - some.LeftMultiply(w)).L2Norm());
        }
        return least;
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.1)]
    public void No_set_of_vertices_is_better(double collinear)
    {
        for (int seed = 1; seed <= 60; seed++)
        {
            (Matrix<double> v, Vector<double> a) = Problem(2 + seed % 6, 6, seed, collinear);
            (SimplexSolution solution, double[] w) = Solve(v, a, 1e-5);
            double ours = (a - v.LeftMultiply(Vector<double>.Build.Dense(w))).L2Norm(), least = Least(v, a);
            Assert.InRange(ours, least * (1 - 1e-9) - 1e-12, least * (1 + 1e-5) + 1e-4 * a.L2Norm() * 1e-2);
            Assert.Equal(ours * ours, solution.Square, 1e-10 * (a * a));
            // What is certified is true.
            Assert.InRange(least * least, solution.Square - 2 * solution.Gap - 1e-12, double.MaxValue);
            Assert.InRange(solution.Relative(a * a), 0, 1e-5 * (1 + 1e-6));
        }
    }

    /// <summary>w in the simplex; the gradient is least, and the same, wherever a weight is above 0 (Karush, Kuhn and Tucker).</summary>
    [Theory]
    [InlineData(1, 4, 0)]
    [InlineData(30, 12, 0)]
    [InlineData(30, 64, 0)]
    [InlineData(60, 20, 1e-3)]
    [InlineData(200, 64, 0)]
    public void Conditions_of_optimality_hold(int k, int d, double collinear)
    {
        for (int seed = 1; seed <= 12; seed++)
        {
            (Matrix<double> v, Vector<double> a) = Problem(k, d, seed, collinear);
            (SimplexSolution solution, double[] weights) = Solve(v, a, 1e-6);
            Vector<double> w = Vector<double>.Build.Dense(weights);
            Assert.All(weights, x => Assert.InRange(x, 0, 1 + 1e-12));
            Assert.Equal(1, weights.Sum(), 1e-12);
            Vector<double> gradient = v * (v.LeftMultiply(w) - a);
            double least = gradient.Min(), square = Math.Max((a - v.LeftMultiply(w)).L2Norm(), 1e-4 * a.L2Norm());
            // sum w (g - min g) is the gap: every weight with a slope above the least adds to it.
            double gap = weights.Select((x, t) => x * (gradient[t] - least)).Sum();
            Assert.InRange(gap, -1e-12, 1e-6 * square * square * 1.001 + 1e-13);
            Assert.Equal(gap, solution.Gap, 1e-10 * (1 + a * a));
            Assert.InRange(solution.Iterations, 0, 100 + 5 * k);
        }
    }

    [Fact]
    public void Vertices_that_are_the_same_or_the_row_itself_are_no_obstacle()
    {
        Matrix<double> v = Matrix<double>.Build.DenseOfArray(new double[,] { { 1, 0, 0 }, { 1, 0, 0 }, { 0, 1, 0 }, { 0.5, 0.5, 0 } });
        (SimplexSolution solution, double[] w) = Solve(v, v.Row(1), 1e-5);
        Assert.Equal(0, solution.Square, 1e-15);
        Assert.Equal(1, w[0] + w[1], 1e-12);
        (solution, w) = Solve(v, Vector<double>.Build.DenseOfArray([0.3, 0.7, 1]), 1e-5);
        Assert.Equal(1, solution.Square, 1e-6);
        Assert.Equal(1, w.Sum(), 1e-12);
        (solution, _) = Solve(v, Vector<double>.Build.Dense(3), 1e-5);
        Assert.Equal(0.5, solution.Square, 1e-5);
    }
}
