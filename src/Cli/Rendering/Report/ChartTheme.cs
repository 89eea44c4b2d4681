using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace ClusterLp.Cli.Rendering.Report;

/// <summary>The one look of all plots: dark on light, colours that colour-blind people tell apart (Okabe and Ito 2008).</summary>
internal static class ChartTheme
{
    public static readonly OxyColor Ours = OxyColor.FromRgb(0x00, 0x72, 0xB2), Svd = OxyColor.FromRgb(0xD5, 0x5E, 0x00),
        Third = OxyColor.FromRgb(0x00, 0x9E, 0x73), Lost = OxyColor.FromRgb(0xB0, 0x00, 0x20), Text = OxyColor.FromRgb(0x22, 0x26, 0x2B);

    private static readonly OxyColor Grid = OxyColor.FromRgb(0xE3, 0xE6, 0xEA), Frame = OxyColor.FromRgb(0x8A, 0x93, 0x9C);

    /// <summary>What the plotting library measures by; <see cref="Figure"/> puts a list of fonts in its place.</summary>
    public const string Font = "Arial";

    /// <summary>An empty plot with these axes and a legend.</summary>
    public static PlotModel Plot(LegendPosition legend, params Axis[] axes)
    {
        var model = new PlotModel
        {
            DefaultFont = Font, DefaultFontSize = 13, TextColor = Text, PlotAreaBorderColor = Frame, PlotAreaBorderThickness = new OxyThickness(1),
            Background = OxyColors.White, Padding = new OxyThickness(6, 10, 16, 4),
        };
        model.Legends.Add(new Legend
        {
            LegendPosition = legend, LegendPlacement = LegendPlacement.Inside, LegendBackground = OxyColor.FromAColor(225, OxyColors.White),
            LegendBorder = Grid, LegendFontSize = 12.5, LegendMargin = 10, LegendPadding = 7, LegendSymbolLength = 24,
        });
        foreach (Axis axis in axes)
            model.Axes.Add(axis);
        return model;
    }

    public static LinearAxis Linear(AxisPosition position, string title, double least = double.NaN, double most = double.NaN) =>
        Styled(new LinearAxis { Minimum = least, Maximum = most }, position, title);

    public static LogarithmicAxis Logarithmic(AxisPosition position, string title, double least = double.NaN, double most = double.NaN) =>
        Styled(new LogarithmicAxis { Minimum = least, Maximum = most, UseSuperExponentialFormat = false, PowerPadding = false }, position, title);

    public static T Styled<T>(T axis, AxisPosition position, string title) where T : Axis
    {
        (axis.Position, axis.Title, axis.AxisTitleDistance, axis.TitleFontSize) = (position, title, 8, 13.5);
        (axis.MajorGridlineStyle, axis.MajorGridlineColor, axis.TicklineColor, axis.MinorTickSize) = (LineStyle.Solid, Grid, Frame, 0);
        return axis;
    }

    public static LineSeries Line(string title, OxyColor colour, IEnumerable<(double X, double Y)> points, LineStyle style = LineStyle.Solid,
        MarkerType marker = MarkerType.None)
    {
        var line = new LineSeries
        {
            Title = title, Color = colour, StrokeThickness = style == LineStyle.None ? 0 : 2.2, LineStyle = style, MarkerType = marker, MarkerSize = 4,
            MarkerFill = colour, MarkerStroke = OxyColors.White, MarkerStrokeThickness = 0.8,
        };
        line.Points.AddRange(points.Where(point => double.IsFinite(point.X) && double.IsFinite(point.Y)).Select(point => new DataPoint(point.X, point.Y)));
        return line;
    }
}
