using MathNet.Numerics.LinearAlgebra;

namespace ClusterLp.Core.Tests.LinearAlgebra;

/// <summary>Matrices whose factorisation is known, all row-major d x d float64.</summary>
internal static class TestMatrices
{
    /// <summary>An orthogonal matrix: a product of Householder reflections with random vectors.</summary>
    public static double[] Orthogonal(int d, int seed)
    {
        var random = new Random(seed);
        double[] q = new double[d * d];
        for (int i = 0; i < d; i++)
            q[i * d + i] = 1;
        for (int reflection = 0; reflection < 4; reflection++)
        {
            double[] v = [.. Enumerable.Range(0, d).Select(_ => random.NextDouble() - 0.5)];
            double norm = v.Sum(x => x * x);
            for (int i = 0; i < d; i++)
            {
                double dot = 0;
                for (int t = 0; t < d; t++)
                    dot += q[i * d + t] * v[t];
                for (int t = 0; t < d; t++)
                    q[i * d + t] -= 2 * dot / norm * v[t];
            }
        }
        return q;
    }

    /// <summary>Q^T diag(values) Q: row j of Q is the eigenvector of value j. Exactly symmetric.</summary>
    public static double[] FromEigen(double[] values, double[] q)
    {
        int d = values.Length;
        double[] a = new double[d * d];
        for (int s = 0; s < d; s++)
            for (int t = s; t < d; t++)
            {
                double sum = 0;
                for (int j = 0; j < d; j++)
                    sum += values[j] * q[j * d + s] * q[j * d + t];
                a[s * d + t] = a[t * d + s] = sum;
            }
        return a;
    }

    /// <summary>
    /// n x d float32, n &gt; d: singular values 10^(-7 j / (d - 1)), but for the rounding of the entries; and those it then
    /// has, by the SVD of the matrix.
    /// </summary>
    public static float[] IllConditioned(int n, int d, out double[] singular)
    {
        double[] left = Orthogonal(n, 11), right = Orthogonal(d, 12);
        var a = new float[n * d];
        for (int i = 0; i < n; i++)
            for (int t = 0; t < d; t++)
            {
                double sum = 0;
                for (int j = 0; j < d; j++)
                    sum += left[j * n + i] * Math.Pow(10, -7.0 * j / (d - 1)) * right[j * d + t];
                a[i * d + t] = (float)sum;
            }
        singular = [.. Matrix<double>.Build.Dense(n, d, (i, j) => a[i * d + j]).Svd(computeVectors: false).S];
        return a;
    }

    /// <summary>A B.</summary>
    public static double[] Product(double[] a, double[] b, int d)
    {
        double[] c = new double[d * d];
        for (int i = 0; i < d; i++)
            for (int t = 0; t < d; t++)
                for (int j = 0; j < d; j++)
                    c[i * d + j] += a[i * d + t] * b[t * d + j];
        return c;
    }

    public static double[] Transpose(double[] a, int d)
    {
        double[] t = new double[d * d];
        for (int i = 0; i < d; i++)
            for (int j = 0; j < d; j++)
                t[j * d + i] = a[i * d + j];
        return t;
    }

    public static double[] Identity(int d)
    {
        double[] identity = new double[d * d];
        for (int i = 0; i < d; i++)
            identity[i * d + i] = 1;
        return identity;
    }

    public static double MaxDifference(double[] a, double[] b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max();
}
