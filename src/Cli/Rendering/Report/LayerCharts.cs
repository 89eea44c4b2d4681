using System.Globalization;
using ClusterLp.Core.Evaluation;
using ClusterLp.Core.Reporting;
using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Axes;
using OxyPlot.Legends;

namespace ClusterLp.Cli.Rendering.Report;

/// <summary>The plots of one layer.</summary>
internal static class LayerCharts
{
    public static IEnumerable<Figure> Of(LayerProfile layer, TensorReport report)
    {
        yield return ErrorAgainstRank(layer, report);
        yield return Spectrum(layer);
        if (layer.SvdTail.Points.Length > 1)
            yield return Tails(layer);
        if (layer.OursRows.Quantiles.Length > 1)
        {
            yield return RowQuantiles(layer);
            yield return RowsInOrder(layer);
        }
    }

    private static Figure ErrorAgainstRank(LayerProfile layer, TensorReport report)
    {
        string norm = ResultWords.NormName(layer.P), ours = ResultWords.MethodName(report);
        PlotModel plot = ChartTheme.Plot(LegendPosition.RightTop,
            ChartTheme.Linear(AxisPosition.Bottom, "rank k", 0, layer.Columns), ChartTheme.Linear(AxisPosition.Left, "relative error", 0, 1));
        var exact = layer.SvdFrobenius();
        plot.Series.Add(ChartTheme.Line("SVD, Frobenius (exact)", OxyColor.FromRgb(0x7A, 0x83, 0x8C), Thin(exact.Length).Select(k => ((double)k, exact[k])), LineStyle.Dash));
        if (layer.P < 2)
        {
            plot.Series.Add(ChartTheme.Line($"SVD, {norm} (sample)", ChartTheme.Svd, Whole(layer, point => point.Svd), marker: MarkerType.Circle));
            plot.Series.Add(ChartTheme.Line($"SVD's V, U by {norm} regression (sample)", ChartTheme.Ours, Whole(layer, point => point.Regressed), marker: MarkerType.Circle));
        }
        plot.Series.Add(ChartTheme.Line($"this layer, {ours}: {norm}, all {Lines(layer)}", ChartTheme.Third, [(layer.SvdRank, report.RelativeLp)], LineStyle.None, MarkerType.Diamond));
        ((OxyPlot.Series.LineSeries)plot.Series[^1]).MarkerSize = 6.5;
        plot.Annotations.Add(AtRank(layer));
        RankPoint own = layer.Curve.First(point => point.Rank == layer.SvdRank);
        return new Figure("rank", "Error against rank", plot,
            string.Create(CultureInfo.InvariantCulture, $"Relative error, ||A - UV|| / ||A||, by rank. The Frobenius error of SVD is exact, from the singular values of all {layer.Rows} {Lines(layer)}. ")
                + (layer.P == 2 ? "At p = 2 the best factors are the SVD's. "
                    : string.Create(CultureInfo.InvariantCulture, $"The {norm} errors are measured on {layer.SampleRows} sampled {Lines(layer)} at {layer.Curve.Length} ranks; the regression keeps the SVD's V, which a job goes on to fit. "))
                + string.Create(CultureInfo.InvariantCulture, $"The diamond is this layer as stored, over all {Lines(layer)}, at rank {layer.SvdRank}{(report.Model is null ? "" : ", whose SVD takes as much room")}: {report.RelativeLp:F4}")
                + (layer.P == 2 ? "." : string.Create(CultureInfo.InvariantCulture, $"; there the sample gives SVD {own.Svd:F4} and the regression alone {own.Regressed:F4}.")));
    }

    private static Figure Spectrum(LayerProfile layer)
    {
        double largest = layer.SingularValues[0], least = Math.Max(layer.SingularValues.Where(value => value > 0).DefaultIfEmpty(1).Min(), largest * 1e-7);
        PlotModel plot = ChartTheme.Plot(LegendPosition.RightTop,
            ChartTheme.Linear(AxisPosition.Bottom, "index j", 0, layer.Columns),
            ChartTheme.Logarithmic(AxisPosition.Left, "singular value", Math.Max(least / 1.5, double.Epsilon), Math.Max(largest, double.Epsilon) * 1.5));
        plot.Series.Add(ChartTheme.Line("singular values of A", ChartTheme.Ours,
            Thin(layer.SingularValues.Length).Where(j => layer.SingularValues[j] >= least).Select(j => (j + 1.0, layer.SingularValues[j]))));
        plot.Annotations.Add(AtRank(layer));
        double kept = 1 - Math.Pow(layer.SvdFrobenius()[layer.SvdRank], 2);
        return new Figure("spectrum", "Singular spectrum", plot, string.Create(CultureInfo.InvariantCulture,
            $"From the eigenvalues of the Gram matrix over all {layer.Rows} {Lines(layer)}, on a logarithmic scale. The first {layer.SvdRank} of {layer.Columns} hold {100 * kept:F2} % of the sum of squares."));
    }

    private static Figure Tails(LayerProfile layer)
    {
        ResidualTail ours = layer.OursTail, svd = layer.SvdTail;
        double least = svd.Points.Concat(ours.Points).Min(point => point.Share) / 1.5;
        double most = svd.Points.Concat(ours.Points).Max(point => point.Size) * 1.3;
        PlotModel plot = ChartTheme.Plot(LegendPosition.LeftBottom,
            ChartTheme.Logarithmic(AxisPosition.Bottom, "size of a residual entry / root mean square of SVD's", 0.01, most),
            ChartTheme.Logarithmic(AxisPosition.Left, "share of entries that are larger", least, 1.5));
        plot.Series.Add(ChartTheme.Line("A - UV, as stored", ChartTheme.Ours, ours.Points.Where(point => point.Size >= 0.01).Select(point => (point.Size, point.Share))));
        plot.Series.Add(ChartTheme.Line("A - SVD", ChartTheme.Svd, svd.Points.Where(point => point.Size >= 0.01).Select(point => (point.Size, point.Share))));
        plot.Series.Add(Fitted("its fit", svd, ChartTheme.Text));
        return new Figure("tails", "Residual tails", plot, string.Create(CultureInfo.InvariantCulture,
            $"Entries of the residual of {layer.SampleRows} sampled {Lines(layer)}. The dashed line is the likeliest generalised Gaussian, exp(-|r/s|^b) with b from 1 to 2, of SVD's residual: b = {svd.Shape:F2} (2 is a Gaussian, 1 a Laplacian); the stored residual's is {ours.Shape:F2}. ")
            + (svd.TailIndex is double tail ? string.Create(CultureInfo.InvariantCulture, $"Hill's tail index of the largest 1 % of SVD's entries: {tail:G3}; a curve above the dashed line has heavier tails than the fit.") : ""));

        OxyPlot.Series.LineSeries Fitted(string what, ResidualTail tail, OxyColor colour) => ChartTheme.Line(
            string.Create(CultureInfo.InvariantCulture, $"{what}: generalised Gaussian, b = {tail.Shape:F2}"), colour,
            Enumerable.Range(0, 161).Select(i => 0.01 * Math.Pow(most / 0.01, i / 160.0))
                .Select(size => (size, ResidualTails.Survival(size, tail.Shape, tail.Scale))).Where(point => point.Item2 >= least), LineStyle.Dash);
    }

    private static Figure RowQuantiles(LayerProfile layer)
    {
        RowErrors ours = layer.OursRows, svd = layer.SvdRows;
        PlotModel plot = ChartTheme.Plot(LegendPosition.LeftTop,
            ChartTheme.Linear(AxisPosition.Bottom, $"{Lines(layer)} with at most this error (%)", 0, 100), ChartTheme.Linear(AxisPosition.Left, $"relative {Line(layer)} error", 0));
        int last = ours.Quantiles.Length - 1;
        plot.Series.Add(ChartTheme.Line("as stored", ChartTheme.Ours, ours.Quantiles.Select((error, q) => (100.0 * q / last, error))));
        plot.Series.Add(ChartTheme.Line(SvdName(layer), ChartTheme.Svd, svd.Quantiles.Select((error, q) => (100.0 * q / last, error))));
        return new Figure("rows", layer.Transposed ? "Column errors" : "Row errors", plot, string.Create(CultureInfo.InvariantCulture,
            $"||a - b|| / ||a|| for every {Line(layer)} a and its compressed {Line(layer)} b, sorted. Medians: {ours.Quantiles[last / 2]:F4} as stored, {svd.Quantiles[last / 2]:F4} by SVD; largest: {ours.Quantiles[last]:F4} and {svd.Quantiles[last]:F4}."));
    }

    private static Figure RowsInOrder(LayerProfile layer)
    {
        PlotModel plot = ChartTheme.Plot(LegendPosition.RightBottom,
            ChartTheme.Linear(AxisPosition.Bottom, Line(layer), 0, layer.Rows), ChartTheme.Linear(AxisPosition.Left, $"relative error of a run of {Lines(layer)}", 0));
        int runs = layer.OursRows.Means.Length;
        plot.Series.Add(ChartTheme.Line("as stored", ChartTheme.Ours, layer.OursRows.Means.Select((error, run) => (layer.Rows * (run + 0.5) / runs, error))));
        plot.Series.Add(ChartTheme.Line(SvdName(layer), ChartTheme.Svd, layer.SvdRows.Means.Select((error, run) => (layer.Rows * (run + 0.5) / runs, error))));
        return new Figure("order", layer.Transposed ? "Column errors in order" : "Row errors in order", plot, string.Create(CultureInfo.InvariantCulture,
            $"Relative error of {runs} runs of consecutive {Lines(layer)}{(layer.Transposed ? "." : ": the left end holds the most frequent tokens where a vocabulary is sorted by use.")}"));
    }

    private static string Line(LayerProfile layer) => layer.Transposed ? "column" : "row";

    private static string Lines(LayerProfile layer) => Line(layer) + "s";

    private static string SvdName(LayerProfile layer) => layer.Baseline == "plain" ? "SVD" : $"SVD, {layer.Baseline}";

    private static LineAnnotation AtRank(LayerProfile layer) => new()
    {
        Type = LineAnnotationType.Vertical, X = layer.SvdRank, Color = ChartTheme.Third, LineStyle = LineStyle.Dot, StrokeThickness = 1.5,
        Text = string.Create(CultureInfo.InvariantCulture, $" k = {layer.SvdRank} "), TextColor = ChartTheme.Text,
        TextOrientation = AnnotationTextOrientation.Horizontal, // Where no curve is: they fall from the left.
        TextLinePosition = layer.SvdRank < layer.Columns / 6 ? 0.08 : 0.5,
        TextHorizontalAlignment = layer.SvdRank < layer.Columns / 6 ? HorizontalAlignment.Left : HorizontalAlignment.Right,
    };

    private static IEnumerable<(double, double)> Whole(LayerProfile layer, Func<RankPoint, double> of) =>
        [(0, 1), .. layer.Curve.Select(point => ((double)point.Rank, of(point))), (layer.Columns, 0)];

    /// <summary>Indices below a count, no more than a plot shows.</summary>
    private static IEnumerable<int> Thin(int count)
    {
        const int most = 400;
        return count <= most ? Enumerable.Range(0, count) : Enumerable.Range(0, most).Select(i => (int)((count - 1L) * i / (most - 1)));
    }
}
