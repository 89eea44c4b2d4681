namespace ClusterLp.Core.Sketches;

/// <summary>
/// Non-negative least squares by an active set (Lawson and Hanson 1974, "Solving Least Squares Problems", chapter 23), for small problems whose
/// columns may be nearly dependent: the free columns are factorised by reflections anew in every step.
/// </summary>
internal static class NonnegativeLeastSquares
{
    private const double Tolerance = 1e-10;

    /// <summary>min over x >= 0 of ||M x - b||. O(steps rows free^2); stops after 3 times as many steps as columns.</summary>
    /// <param name="matrix">M, rows x columns row-major, columns of order 1.</param>
    /// <param name="b">rows.</param>
    /// <param name="rows">As many as columns that can be free at once.</param>
    /// <param name="columns">Unknowns.</param>
    public static double[] Solve(double[] matrix, double[] b, int rows, int columns)
    {
        var x = new double[columns];
        var free = new List<int>();
        double[] norms = [.. Enumerable.Range(0, columns).Select(j => Math.Sqrt(Enumerable.Range(0, rows).Sum(i => matrix[i * columns + j] * matrix[i * columns + j])))];
        for (int step = 0; step < 3 * columns && free.Count < rows; step++)
        {
            int best = Steepest(matrix, b, x, rows, columns, free, norms);
            if (best < 0)
                break;
            free.Add(best);
            bool first = true;
            while (free.Count > 0)
            {
                double[] trial = LeastSquares(matrix, b, rows, columns, free);
                // Rounding can say that the new column should grow and shrink at once: then it is done.
                if (first && !(trial[^1] > 0))
                    return x;
                first = false;
                double share = 1;
                for (int f = 0; f < free.Count; f++)
                    if (!(trial[f] > 0))
                        share = Math.Min(share, x[free[f]] / (x[free[f]] - trial[f]));
                for (int f = 0; f < free.Count; f++)
                    x[free[f]] += share * (trial[f] - x[free[f]]);
                if (share == 1)
                    break;
                for (int f = free.Count - 1; f >= 0; f--)
                    if (!(trial[f] > 0) && x[free[f]] <= 1e-14 * Math.Abs(trial[f]))
                    {
                        x[free[f]] = 0;
                        free.RemoveAt(f);
                    }
            }
        }
        return x;
    }

    /// <summary>The column along which the error falls fastest, per its length; -1 where it falls along none.</summary>
    private static int Steepest(double[] matrix, double[] b, double[] x, int rows, int columns, List<int> free, double[] norms)
    {
        var slope = new double[columns];
        for (int i = 0; i < rows; i++)
        {
            ReadOnlySpan<double> row = matrix.AsSpan(i * columns, columns);
            double residual = b[i];
            foreach (int j in free)
                residual -= row[j] * x[j];
            for (int j = 0; j < columns; j++)
                slope[j] += row[j] * residual;
        }
        int best = -1;
        double steepest = Tolerance;
        for (int j = 0; j < columns; j++)
            if (slope[j] / norms[j] > steepest && !free.Contains(j))
                (best, steepest) = (j, slope[j] / norms[j]);
        return best;
    }

    private static double[] LeastSquares(double[] matrix, double[] b, int rows, int columns, List<int> free)
    {
        int count = free.Count;
        double[][] q = [.. free.Select(j => Enumerable.Range(0, rows).Select(i => matrix[i * columns + j]).ToArray())];
        double[] right = [.. b];
        for (int c = 0; c < count; c++)
        {
            double[] v = q[c];
            double size = Math.Sqrt(v.Skip(c).Sum(value => value * value)), alpha = v[c] > 0 ? -size : size;
            double[] reflector = v[c..];
            reflector[0] -= alpha;
            double half = reflector.Sum(value => value * value) / 2;
            if (half == 0)
                continue;
            for (int other = c; other < count; other++)
                Reflect(reflector, half, q[other].AsSpan(c));
            Reflect(reflector, half, right.AsSpan(c));
        }
        var solution = new double[count];
        for (int c = count - 1; c >= 0; c--)
        {
            double sum = right[c];
            for (int other = c + 1; other < count; other++)
                sum -= q[other][c] * solution[other];
            solution[c] = sum / q[c][c];
        }
        return solution;
    }

    private static void Reflect(double[] reflector, double half, Span<double> vector)
    {
        double product = 0;
        for (int i = 0; i < reflector.Length; i++)
            product += reflector[i] * vector[i];
        for (int i = 0; i < reflector.Length; i++)
            vector[i] -= product / half * reflector[i];
    }
}
