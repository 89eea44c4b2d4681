using System.Numerics;

namespace ClusterLp.Core.Tests.Support;

/// <summary>
/// diag(s) H D / sqrt(d), with H the Hadamard matrix of order d, a power of two, and D random signs: its singular values are s exactly, and no
/// column is like another. Without the rotation: diag(s).
/// </summary>
public static class KnownSpectrum
{
    public static float[] Matrix(double[] singular, bool rotated, int seed)
    {
        int d = singular.Length;
        var random = new Random(seed);
        double[] signs = [.. Enumerable.Range(0, d).Select(_ => random.Next(2) == 0 ? -1.0 : 1.0)];
        var a = new float[d * d];
        for (int i = 0; i < d; i++)
            if (rotated)
                for (int j = 0; j < d; j++)
                    a[i * d + j] = (float)(singular[i] * signs[j] * (BitOperations.PopCount((uint)(i & j)) % 2 == 0 ? 1 : -1) / Math.Sqrt(d));
            else
                a[i * d + i] = (float)singular[i];
        return a;
    }

    /// <summary>Element k: sum of the squares of all singular values but the first k.</summary>
    public static double[] Tails(IReadOnlyList<double> singular)
    {
        var tails = new double[singular.Count + 1];
        for (int i = singular.Count - 1; i >= 0; i--)
            tails[i] = tails[i + 1] + singular[i] * singular[i];
        return tails;
    }

    /// <summary>d singular values, descending.</summary>
    public static double[] Named(string name, int d) => [.. Enumerable.Range(1, d).Select(i => name switch
    {
        "power 0.5" => Math.Pow(i, -0.5),
        "power 1" => 1.0 / i,
        "power 2" => Math.Pow(i, -2),
        "flat" => 1,
        "exponential" => Math.Exp(-i / 20.0),
        "spikes" => i <= 24 ? 40 - i : 1,
        "step" => i <= 80 ? 3 : 1,
        _ => throw new ArgumentException(name),
    })];
}
