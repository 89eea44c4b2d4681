namespace ClusterLp.Core.Tests.Support;

/// <summary>
/// Generated matrices that tests/oracle/oracle.py generates bit for bit too: integers of a 64-bit linear congruential
/// generator, turned into float32 by exact steps.
/// </summary>
public static class TestMatrix
{
    /// <summary>
    /// Low rank plus noise: a_ij = round(sum_h x_ih y_hj s_h) + z_ij, h below <paramref name="hidden"/>, x, y and z integers, s_h powers of two falling with h;
    /// z is now and then <paramref name="spike"/> times as large.
    /// </summary>
    public static float[] LowRankPlusNoise(int rows, int columns, int hidden, int spike, ulong seed)
    {
        ulong state = seed;
        int Next()
        {
            state = unchecked(state * 6364136223846793005 + 1442695040888963407);
            return (int)(state >> 56) - 128;
        }
        int[] x = [.. Enumerable.Range(0, rows * hidden).Select(_ => Next())];
        int[] y = [.. Enumerable.Range(0, hidden * columns).Select(_ => Next())];
        var a = new float[rows * columns];
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
            {
                // Every term is exact in float64.
                double sum = 0;
                for (int h = 0; h < hidden; h++)
                    sum += Math.ScaleB(x[i * hidden + h] * y[h * columns + j], Math.ILogB(hidden) - Math.ILogB(1 + h) - 6);
                int noise = Next();
                int size = Next() >= 120 ? spike : 1;
                a[i * columns + j] = (float)(Math.Round(sum) + noise * size);
            }
        return a;
    }

    /// <summary>Sparse rows: about <paramref name="density"/> of the entries are integers that are not zero, and some rows have none.</summary>
    public static float[] Sparse(int rows, int columns, double density, int seed)
    {
        var random = new Random(seed);
        var a = new float[rows * columns];
        for (int i = 0; i < a.Length; i++)
            if (random.NextDouble() < density && i / columns % 17 != 5)
                a[i] = random.Next(1, 20) * (random.Next(2) == 0 ? -1 : 1);
        return a;
    }
}
