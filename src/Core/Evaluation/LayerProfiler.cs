using System.Collections.Immutable;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.LinearAlgebra;
using ClusterLp.Core.LpFit;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.Evaluation;

/// <summary>Measures what <see cref="LayerProfile"/> holds of one layer: two passes over its rows. Deterministic.</summary>
/// <param name="report">The layer's report.</param>
/// <param name="baseline">The SVD beside it.</param>
/// <param name="rowsDone">Told of work as it is done, in rows read, from several threads: <see cref="Work"/> of them in all.</param>
/// <param name="cancellation">Checked at every block.</param>
internal sealed class LayerProfiler(TensorReport report, Baseline baseline, Action<long> rowsDone, CancellationToken cancellation)
{
    private const int LeastSample = 256, MostSample = 4096, SampleEntries = 1 << 20;
    private const int Ranks = 8, Quantiles = 200, Runs = 120;

    private const long CurveWork = 4;

    private static readonly int Threads = Environment.ProcessorCount;

    /// <summary>What measuring a layer is worth in rows read; regressions take longer than reading.</summary>
    public static long Work(TensorReport layer) => 2 * LinesOf(layer) + CurveWork * LinesOf(layer);

    public LayerProfile Measure(IModel input, IModel output)
    {
        (double[] values, double[] vectors) = ([], []);
        using LayerFactors layer = LayerFactors.Open(report, input, output, asFitted: true, (a, k) =>
        {
            (values, vectors) = Factorisations.SymmetricEigen(StreamedGram.Of(a, cancellation, look: (_, _, count) => rowsDone(count)), a.Columns);
            return baseline.Name == Baseline.Plain ? Leading(vectors, a.Columns, k) : baseline.Projection(a, k, cancellation);
        });
        (int d, int svdRank) = (layer.Columns, report.SvdRank ?? layer.Rank);
        long[] drawn = RowDraw.Of(layer.Rows, Math.Clamp(SampleEntries / d, LeastSample, MostSample), seed: 0);
        LayerRows sample = layer.ReadSome(drawn);
        float[] ours = Residual(sample.Original, sample.Ours), svd = Residual(sample.Original, sample.Svd);
        double unit = Math.Sqrt(PowerSums.Squares(svd) / svd.Length);
        (RowErrors oursRows, RowErrors svdRows) = MeasureRows(layer);
        int[] ranks = RanksFor(d, svdRank);
        var curve = new RankCurve(Array.ConvertAll(vectors, v => (float)v), d, report.P, Threads, cancellation);
        return new LayerProfile
        {
            Name = report.Name,
            Transposed = report.Transposed,
            Rows = layer.Rows,
            Columns = d,
            Rank = layer.Rank,
            SvdRank = svdRank,
            P = report.P,
            Baseline = baseline.Name,
            SingularValues = [.. values.Select(value => Math.Sqrt(Math.Max(0, value)))],
            SampleRows = drawn.Length,
            Curve = curve.Measure(sample.Original, ranks, () => rowsDone(CurveWork * layer.Rows / ranks.Length)),
            OursTail = ResidualTails.Of(ours, d, unit),
            SvdTail = ResidualTails.Of(svd, d, unit),
            OursRows = oursRows,
            SvdRows = svdRows,
        };
    }

    private static long LinesOf(TensorReport layer) => layer.Transposed ? layer.Columns : layer.Rows;

    // Q Q^T of the first k rows of vectors.
    private double[] Leading(double[] vectors, int d, int k)
    {
        var columns = new double[d * k];
        for (int t = 0; t < k; t++)
            for (int i = 0; i < d; i++)
                columns[i * k + t] = vectors[t * d + i];
        return MatrixProduct.Of(columns, vectors[..(k * d)], d, k, d, Threads, cancellation);
    }

    private static float[] Residual(float[] a, float[] b)
    {
        var residual = new float[a.Length];
        Difference.Of(a, b, residual);
        return residual;
    }

    /// <summary>A handful of ranks, evenly spread but for two small ones, where errors fall fastest, and the one that the layer is compared at.</summary>
    private static int[] RanksFor(int d, int rank) =>
        [.. Enumerable.Range(1, Ranks - 1).Select(i => d * i / Ranks).Append(d / 32).Append(d / 16).Select(k => Math.Max(1, k)).Append(rank).Where(k => k < d || k == rank).Distinct().Order()];

    private (RowErrors Ours, RowErrors Svd) MeasureRows(LayerFactors layer)
    {
        var norms = new float[layer.Rows];
        float[] ours = new float[layer.Rows], svd = new float[layer.Rows];
        int d = layer.Columns;
        layer.Visit((_, first, count, rows) =>
        {
            var difference = new float[d];
            for (int i = 0; i < count; i++)
            {
                ReadOnlySpan<float> a = rows.Original.AsSpan(i * d, d);
                norms[first + i] = (float)Math.Sqrt(PowerSums.Squares(a));
                Difference.Of(a, rows.Ours.AsSpan(i * d, d), difference);
                ours[first + i] = (float)Math.Sqrt(PowerSums.Squares(difference));
                Difference.Of(a, rows.Svd.AsSpan(i * d, d), difference);
                svd[first + i] = (float)Math.Sqrt(PowerSums.Squares(difference));
            }
            rowsDone(count);
        }, cancellation);
        return (Summarise(ours, norms), Summarise(svd, norms));
    }

    private static RowErrors Summarise(float[] errors, float[] norms)
    {
        int runs = (int)Math.Min(Runs, errors.LongLength);
        var means = ImmutableArray.CreateBuilder<double>(runs);
        for (int run = 0; run < runs; run++)
        {
            (double squares, double all) = (0, 0);
            for (long row = errors.LongLength * run / runs; row < errors.LongLength * (run + 1) / runs; row++)
            {
                squares += (double)errors[row] * errors[row];
                all += (double)norms[row] * norms[row];
            }
            means.Add(all > 0 ? Math.Sqrt(squares / all) : 0);
        }
        float[] relative = [.. Enumerable.Range(0, errors.Length).Where(row => norms[row] > 0).Select(row => errors[row] / norms[row]).Order()];
        return new RowErrors(
            relative.Length == 0 ? [] : [.. Enumerable.Range(0, Quantiles + 1).Select(q => (double)relative[(int)((relative.Length - 1L) * q / Quantiles)])],
            means.ToImmutable());
    }
}
