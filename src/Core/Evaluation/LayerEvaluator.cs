using System.Collections.Immutable;
using ClusterLp.Core.Kernels;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Core.Evaluation;

/// <summary>What a layer is evaluated with, beside its factors.</summary>
/// <param name="Ranks">Frequency ranks of its rows.</param>
/// <param name="Names">Names of its rows, or null.</param>
/// <param name="Inputs">What it reads, or null.</param>
internal sealed record LayerContext(FrequencyRanks Ranks, Vocabulary? Names, Activations? Inputs);

/// <summary>
/// Evaluates one layer in one pass over its rows, on all cores: O(n d (k + d + Q)). Chunks of fixed size are added in order, so
/// the figures do not depend on threads.
/// </summary>
internal sealed class LayerEvaluator(LayerFactors layer, LayerContext context, EvaluationOptions options)
{
    /// <param name="report">The layer's report.</param>
    /// <param name="baseline">Name of the SVD beside it.</param>
    /// <param name="rowsDone">Told rows as they are done, from several threads.</param>
    /// <param name="cancellation">Checked at every chunk.</param>
    public LayerFidelity Evaluate(TensorReport report, string baseline, Action<long> rowsDone, CancellationToken cancellation)
    {
        int d = layer.Columns;
        Queries queries = ReadQueries();
        NeighbourSearch original = new(queries.Numbers, queries.Rows.Original, d), ours = new(queries.Numbers, queries.Rows.Ours, d),
            svd = new(queries.Numbers, queries.Rows.Svd, d);
        var parts = new ChunkResult[layer.Chunks];
        layer.Visit((chunk, first, count, rows) =>
        {
            parts[chunk] = Look(first, count, rows, original, ours, svd);
            rowsDone(count);
        }, cancellation);

        BandSums[] bands = [.. context.Ranks.Ends.Select((_, band) => parts.Aggregate(BandSums.None, (sum, part) => sum + part.Bands[band]))];
        BandSums all = bands.Aggregate(BandSums.None, (sum, band) => sum + band);
        Fidelity[] overlaps = [.. queries.Numbers.Select((_, q) => new Fidelity(original.Overlap(q, ours), original.Overlap(q, svd)))];
        ILookup<int, Fidelity> byBand = queries.Numbers.Zip(overlaps).ToLookup(query => context.Ranks.Band(query.First), query => query.Second);
        return new LayerFidelity
        {
            Name = report.Name,
            Rows = layer.Rows,
            Columns = d,
            Rank = layer.Rank,
            P = report.P,
            Method = report.Method,
            Baseline = baseline,
            ZeroRows = all.ZeroRows,
            Queries = overlaps.Length,
            Overlap = Mean(overlaps) ?? new Fidelity(1, 1),
            RelativeError = Relative(all),
            Bands = [.. bands.Select((sums, band) => Band(band, sums, byBand[band]))],
            Worst = [.. Worst(parts.SelectMany(part => part.Worst)).Select(row => Named(row))],
            Output = context.Inputs is { } inputs ? Output(inputs.Inputs, parts) : null,
        };
    }

    /// <summary>The queries, rows of zeros left out.</summary>
    private Queries ReadQueries()
    {
        long[] drawn = RowDraw.Of(layer.Rows, options.Queries, options.Seed);
        LayerRows rows = layer.ReadSome(drawn);
        int d = layer.Columns;
        int[] kept = [.. Enumerable.Range(0, drawn.Length).Where(i => PowerSums.Squares(rows.Original.AsSpan(i * d, d)) > 0)];
        return kept.Length == drawn.Length ? new Queries(drawn, rows) : ReadOnly([.. kept.Select(i => drawn[i])]);

        Queries ReadOnly(long[] some) => new(some, layer.ReadSome(some));
    }

    private ChunkResult Look(long first, int count, LayerRows rows, NeighbourSearch original, NeighbourSearch ours, NeighbourSearch svd)
    {
        int d = layer.Columns;
        double[] norms = Norms(rows.Original), normsOurs = Norms(rows.Ours), normsSvd = Norms(rows.Svd);
        original.Look(first, rows.Original, norms);
        ours.Look(first, rows.Ours, normsOurs);
        svd.Look(first, rows.Svd, normsSvd);

        double outputs = context.Inputs?.Squares(rows.Original.AsSpan(0, count * d), count) ?? 0;
        BandSums[] bands = [.. context.Ranks.Ends.Select(_ => BandSums.None)];
        var worst = new List<ChangedRow>();
        for (int i = 0; i < count; i++)
        {
            Span<float> a = rows.Original.AsSpan(i * d, d), b = rows.Ours.AsSpan(i * d, d), c = rows.Svd.AsSpan(i * d, d);
            // The residuals take the approximations' place.
            RowDrift drift = RowDrift.Of(a, b, norms[i], normsOurs[i], b), svdDrift = RowDrift.Of(a, c, norms[i], normsSvd[i], c);
            int band = context.Ranks.Band(first + i);
            bands[band] += BandSums.OfRow(norms[i], drift, svdDrift);
            if (norms[i] > 0)
                worst.Add(new ChangedRow(first + i, Math.Sqrt(drift.ErrorSquares) / norms[i], Math.Sqrt(svdDrift.ErrorSquares) / norms[i], drift.Cosine, svdDrift.Cosine));
        }
        return new ChunkResult(bands, [.. Worst(worst)], outputs,
            context.Inputs?.Squares(rows.Ours.AsSpan(0, count * d), count) ?? 0, context.Inputs?.Squares(rows.Svd.AsSpan(0, count * d), count) ?? 0);

        double[] Norms(float[] of)
        {
            var norms = new double[count];
            for (int i = 0; i < count; i++)
                norms[i] = Math.Sqrt(PowerSums.Squares(of.AsSpan(i * d, d)));
            return norms;
        }
    }

    private IEnumerable<ChangedRow> Worst(IEnumerable<ChangedRow> rows) => rows.OrderByDescending(row => row.Error).ThenBy(row => row.Row).Take(options.Worst);

    private WorstRow Named(ChangedRow row) => new(row.Row, context.Ranks[row.Row] + 1, context.Names?[row.Row],
        new Fidelity(row.Error, row.SvdError), new Fidelity(row.Cosine, row.SvdCosine));

    private BandFidelity Band(int band, BandSums sums, IEnumerable<Fidelity> overlaps)
    {
        long directed = sums.Rows - sums.ZeroRows;
        return new BandFidelity
        {
            FromRank = band == 0 ? 1 : context.Ranks.Ends[band - 1] + 1,
            ToRank = context.Ranks.Ends[band],
            RelativeError = Relative(sums),
            // A band of zeros alone lost nothing.
            MeanCosine = directed == 0 ? new(1, 1) : new(sums.Ours.Cosines / directed, sums.Svd.Cosines / directed),
            LeastCosine = directed == 0 ? new(1, 1) : new(sums.Ours.LeastCosine, sums.Svd.LeastCosine),
            MeanNormRatio = directed == 0 ? new(1, 1) : new(sums.Ours.NormRatios / directed, sums.Svd.NormRatios / directed),
            Queries = overlaps.Count(),
            Overlap = Mean(overlaps),
        };
    }

    private static Fidelity Relative(BandSums sums) => sums.Squares > 0
        ? new(Math.Sqrt(sums.Ours.ErrorSquares / sums.Squares), Math.Sqrt(sums.Svd.ErrorSquares / sums.Squares))
        : new(0, 0);

    private static Fidelity? Mean(IEnumerable<Fidelity> figures) =>
        figures.Any() ? new(figures.Average(figure => figure.Ours), figures.Average(figure => figure.Svd)) : null;

    private static OutputFidelity Output(long inputs, ChunkResult[] parts)
    {
        double outputs = parts.Sum(part => part.Outputs);
        return new OutputFidelity(inputs, outputs > 0 ? new(Ratio(part => part.OursOutputs), Ratio(part => part.SvdOutputs)) : new(0, 0));

        // Rounding may make the sum of next to nothing negative.
        double Ratio(Func<ChunkResult, double> of) => Math.Sqrt(Math.Max(0, parts.Sum(of)) / outputs);
    }

    private sealed record Queries(long[] Numbers, LayerRows Rows);

    private sealed record ChangedRow(long Row, double Error, double SvdError, double Cosine, double SvdCosine);

    private sealed record ChunkResult(BandSums[] Bands, ImmutableArray<ChangedRow> Worst, double Outputs, double OursOutputs, double SvdOutputs);
}
