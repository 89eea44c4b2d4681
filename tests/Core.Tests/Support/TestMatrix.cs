namespace ClusterLp.Core.Tests.Support;

/// <summary>
/// Generated matrices that tests/oracle/oracle.py generates bit for bit too: integers of a 64-bit linear congruential
/// generator, turned into float32 by exact steps.
/// </summary>
public static class TestMatrix
{
    /// <summary>
    /// Low rank plus noise: a_ij = sum_h x_ih y_hj / (1 + h) + z_ij, h below <paramref name="hidden"/>, x, y and z integers;
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
                // Multiples of 2^-6, below 2^24 of them: exact in float32.
                double sum = 0;
                for (int h = 0; h < hidden; h++)
                    sum += Math.ScaleB(x[i * hidden + h] * y[h * columns + j], -6 - Math.ILogB(1 + h) + Math.ILogB(hidden));
                int noise = Next();
                int size = Next() >= 120 ? spike : 1;
                a[i * columns + j] = (float)(Math.Round(sum) + noise * size);
            }
        return a;
    }
}
