using ClusterLp.Core.Coresets;
using ClusterLp.Core.Kernels;

namespace ClusterLp.Core.FactorModels.Subspaces;

/// <summary>
/// Where a clustering of rows by subspaces starts: J lines through the origin and rows drawn one after another, each with
/// probability in proportion to c_i times the p-th power of the row's distance from the nearest line so far, as k-means++ draws its centres (Arthur and
/// Vassilvitskii 2007) and as Deshpande and Varadarajan (2007) sample for subspaces; every row then belongs to the nearest line.
/// </summary>
internal static class SubspaceSeeding
{
    /// <summary>The subspace each row starts in. O(J count d); a function of its arguments alone.</summary>
    /// <param name="rows">count x d row-major.</param>
    /// <param name="d">Columns.</param>
    /// <param name="c">Row weights, count.</param>
    /// <param name="subspaces">J.</param>
    /// <param name="p">In [1, 2].</param>
    /// <param name="seed">The job's.</param>
    /// <param name="tensor">Index of the tensor in the job.</param>
    /// <param name="restart">Which start, 0 or more.</param>
    public static byte[] Ids(float[] rows, int d, double[] c, int subspaces, double p, ulong seed, int tensor, int restart)
    {
        int count = c.Length;
        var norms = new double[count];
        for (int i = 0; i < count; i++)
            norms[i] = PowerSums.Squares(rows.AsSpan(i * d, d));
        double[] distances = [.. norms];
        var ids = new byte[count];
        for (int j = 0; j < subspaces; j++)
        {
            // Another stream than that of the row samples, which numbers tensors from 0.
            int line = Draw(distances, c, p, RowSampler.Uniform(seed, ~tensor, ((long)restart << 16) | (uint)j));
            if (norms[line] == 0)
                continue;
            ReadOnlySpan<float> direction = rows.AsSpan(line * d, d);
            for (int i = 0; i < count; i++)
            {
                double dot = PowerSums.Dot(direction, rows.AsSpan(i * d, d)), distance = Math.Max(0, norms[i] - dot * dot / norms[line]);
                if (j == 0 || distance < distances[i])
                    (distances[i], ids[i]) = (distance, (byte)j);
            }
        }
        return ids;
    }

    private static int Draw(double[] squares, double[] c, double p, double uniform)
    {
        double total = 0;
        for (int i = 0; i < squares.Length; i++)
            total += c[i] * Math.Pow(squares[i], p / 2);
        double left = uniform * total;
        for (int i = 0; i < squares.Length; i++)
            if ((left -= c[i] * Math.Pow(squares[i], p / 2)) < 0)
                return i;
        return 0;
    }
}
