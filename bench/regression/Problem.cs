using ClusterLp.Core.Formats;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LpFit;

namespace ClusterLp.RegressionBench;

/// <summary>Rows to regress, scaled to mean |a| = 1 and spread evenly over the matrix, and the V they are regressed on.</summary>
internal sealed record Problem(float[] Rows, int Count, OrthonormalBasis Basis)
{
    private const int Part = 512, IrlsRounds = 4;

    /// <summary>V by a few IRLS rounds on at most 8192 rows of the matrix, whatever p the job will have.</summary>
    public static Problem Read(string path, int rank, int count, double p)
    {
        using IModel model = ModelFiles.Open(path);
        using IMatrixSource source = model.OpenMatrix(model.Tensors[0].Name);
        (int d, int sample) = (source.Columns, (int)Math.Min(source.Rows, 8192));
        float[] fit = Spread(source, sample);
        float scale = (float)(fit.Length / PowerSums.AbsolutePower(fit, 1));
        float[] rows = Spread(source, (int)Math.Min(count, source.Rows));
        foreach (float[] values in new[] { fit, rows })
            for (int i = 0; i < values.Length; i++)
                values[i] *= scale;

        var squares = new double[sample];
        double[] weights = [.. squares.Select(_ => 1.0)];
        for (int round = 0; ; round++)
        {
            var gram = new double[d * d];
            for (int first = 0; first < sample; first += Part)
            {
                int height = Math.Min(Part, sample - first);
                Gram.AccumulateUpper(fit.AsSpan(first * d, height * d), height, d, weights.AsSpan(first, height), gram);
            }
            Gram.MirrorUpper(gram, d);
            var basis = new OrthonormalBasis(OrthonormalBasis.Eigenvectors(gram, d).Rows, d, rank);
            if (round == IrlsRounds)
                return new Problem(rows, rows.Length / d, basis);
            basis.SquaredResiduals(fit, sample, squares, CancellationToken.None);
            double floor = 1e-6 * squares.Order().ElementAt(sample / 2);
            weights = [.. squares.Select(s => Math.Pow(Math.Max(s, floor), (p - 2) / 2))];
        }
    }

    private static float[] Spread(IMatrixSource source, int count)
    {
        var rows = new float[count * source.Columns];
        for (int i = 0; i < count; i++)
            source.ReadRows(i * source.Rows / count, 1, rows.AsSpan(i * source.Columns, source.Columns));
        return rows;
    }
}
