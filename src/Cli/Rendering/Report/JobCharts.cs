using System.Globalization;
using System.Text.RegularExpressions;
using ClusterLp.Core.Jobs.State;
using ClusterLp.Core.Reporting;
using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace ClusterLp.Cli.Rendering.Report;

/// <summary>The plots of a job as a whole.</summary>
internal static partial class JobCharts
{
    private const int MostWorkers = 40, MostLayers = 60;

    private static readonly (string Stage, string Title, OxyColor Colour)[] Stages =
    [
        ("scan", "scan", OxyColor.FromRgb(0x56, 0xB4, 0xE9)), ("lewis", "Lewis rounds", OxyColor.FromRgb(0xE6, 0x9F, 0x00)),
        ("coreset", "coresets", OxyColor.FromRgb(0x00, 0x9E, 0x73)), ("refine", "refine rounds", OxyColor.FromRgb(0xCC, 0x79, 0xA7)),
        ("joint", "joint rounds", OxyColor.FromRgb(0x8C, 0x6B, 0xB1)), ("model", "rounds of the model", OxyColor.FromRgb(0xF0, 0xE4, 0x42)),
        ("factorise", "factorise", OxyColor.FromRgb(0x00, 0x72, 0xB2)),
    ];

    /// <summary>Errors over SVD's, a bar a layer.</summary>
    public static Figure? Ratios(JobReport report)
    {
        TensorReport[] layers = [.. report.Tensors.Where(tensor => tensor.Svd.Lp > 0 && tensor.Svd.Frobenius > 0).Take(MostLayers)];
        if (layers.Length == 0)
            return null;
        CategoryAxis names = Names(layers.Select(layer => Short(layer.Name)));
        double most = layers.Max(layer => Math.Max(layer.Errors.Frobenius / layer.Svd.Frobenius, layer.Errors.Lp / layer.Svd.Lp));
        PlotModel plot = ChartTheme.Plot(LegendPosition.BottomCenter, names, ChartTheme.Linear(AxisPosition.Bottom, report.Tensors.All(layer => layer.Model is null) ? "error / SVD's error at the same rank" : "error / error of the SVD of equal size", 0, Math.Max(1.05, most * 1.05)));
        Below(plot);
        Add("l_p", -0.38, 0, ChartTheme.Ours, layer => layer.Errors.Lp / layer.Svd.Lp);
        Add("Frobenius", 0, 0.38, ChartTheme.Svd, layer => layer.Errors.Frobenius / layer.Svd.Frobenius);
        plot.Annotations.Add(new LineAnnotation { Type = LineAnnotationType.Vertical, X = 1, Color = ChartTheme.Text, LineStyle = LineStyle.Dash, StrokeThickness = 1.2 });
        return new Figure("ratios", "Errors beside SVD's", plot,
            $"Errors of the factors as stored over those of {ResultWords.Baseline(report)}: left of the dashed line is better than SVD.{(report.Tensors.Length > layers.Length ? $" The first {layers.Length} of {report.Tensors.Length} layers." : "")}",
            HeightOf(layers.Length, 34) + 40);

        void Add(string title, double from, double to, OxyColor colour, Func<TensorReport, double> of)
        {
            var bars = new RectangleBarSeries { Title = title, FillColor = colour, StrokeThickness = 0 };
            for (int i = 0; i < layers.Length; i++)
                bars.Items.Add(new RectangleBarItem(0, i + from, of(layers[i]), i + to));
            plot.Series.Add(bars);
        }
    }

    /// <summary>Who computed which stage when.</summary>
    public static Figure? Timeline(JobReport report)
    {
        if (report.Timeline is not { Spans.IsDefaultOrEmpty: false } timeline)
            return null;
        string[] workers = [.. timeline.Spans.Where(span => span.Kind != WorkKind.Reduction).GroupBy(span => span.Worker)
            .OrderBy(group => group.Min(span => span.From)).ThenBy(group => group.Key, StringComparer.Ordinal).Select(group => group.Key)];
        string[] lines = [RunTimeline.Coordinator, .. workers.Take(MostWorkers)];
        double end = timeline.Spans.Max(span => span.To);
        PlotModel plot = ChartTheme.Plot(LegendPosition.BottomCenter, Names(lines.Select(worker => Short(ShortWorker(worker)))), ChartTheme.Linear(AxisPosition.Bottom, "time since the fit began (s)", 0, Math.Max(end * 1.01, 1e-3)));
        Below(plot);
        foreach ((string stage, string title, OxyColor colour) in Stages)
            Add(title, colour, span => span.Kind != WorkKind.Lost && span.Stage.Split('-')[0] == stage);
        Add("lost, failed or overtaken", ChartTheme.Lost, span => span.Kind == WorkKind.Lost);
        foreach (double restart in timeline.Restarts)
            plot.Annotations.Add(new LineAnnotation
            {
                Type = LineAnnotationType.Vertical, X = restart, Color = ChartTheme.Text, LineStyle = LineStyle.Dash,
            });
        WorkSpan[] blocks = [.. timeline.Spans.Where(span => span.Kind == WorkKind.Blocks)];
        int lost = timeline.Spans.Where(span => span.Kind == WorkKind.Lost).Sum(span => span.Blocks);
        return new Figure("timeline", "The run by worker", plot, string.Create(CultureInfo.InvariantCulture,
            $"{blocks.Sum(span => span.Blocks)} blocks in {end:G4} s by {Figures.Count(workers.Length, "worker", "workers")}; the coordinator's line is its reductions, during which a tensor's blocks wait. ")
            + (lost > 0 ? Figures.Count(lost, "attempt", "attempts") + " came to nothing and were handed out again or were overtaken. " : "")
            + (timeline.Restarts.Length > 0 ? $"The job was gone on with {Figures.Count(timeline.Restarts.Length, "time", "times")}, at the dashed line{(timeline.Restarts.Length == 1 ? "" : "s")}; the time until then is left out. " : "")
            + (workers.Length > MostWorkers ? $"The first {MostWorkers} workers are shown." : ""), HeightOf(lines.Length, 30) + 40);

        void Add(string title, OxyColor colour, Func<WorkSpan, bool> belongs)
        {
            var bars = new RectangleBarSeries { Title = title, FillColor = colour, StrokeThickness = 0.6, StrokeColor = OxyColors.White };
            foreach (WorkSpan span in timeline.Spans.Where(belongs))
                if (Array.IndexOf(lines, span.Worker) is var line and >= 0)
                    // What takes no time is still seen.
                    bars.Items.Add(new RectangleBarItem(span.From, line - 0.36, Math.Max(span.To, span.From + end / 1500), line + 0.36));
            if (bars.Items.Count > 0)
                plot.Series.Add(bars);
        }
    }

    // Beside bars there is seldom room.
    private static void Below(PlotModel plot)
    {
        var legend = (Legend)plot.Legends[0];
        (legend.LegendPlacement, legend.LegendOrientation, legend.LegendBorder) = (LegendPlacement.Outside, LegendOrientation.Horizontal, OxyColors.Undefined);
    }

    private static CategoryAxis Names(IEnumerable<string> names)
    {
        CategoryAxis axis = ChartTheme.Styled(new CategoryAxis { IsTickCentered = true, StartPosition = 1, EndPosition = 0, GapWidth = 0 }, AxisPosition.Left, "");
        axis.MajorGridlineStyle = LineStyle.None;
        axis.Labels.AddRange(names);
        (axis.Minimum, axis.Maximum) = (-0.6, axis.Labels.Count - 0.4);
        return axis;
    }

    private static int HeightOf(int lines, int each) => Math.Max(180, 110 + each * lines);

    /// <summary>A worker's id ends in 32 random digits, of which four tell it apart.</summary>
    private static string ShortWorker(string id) => RandomDigits().Replace(id, "$1");

    [GeneratedRegex("(-[0-9a-f]{4})[0-9a-f]{28}$")]
    private static partial Regex RandomDigits();

    private static string Short(string name) => name.Length <= 34 ? name : name[..14] + "..." + name[^17..];
}
