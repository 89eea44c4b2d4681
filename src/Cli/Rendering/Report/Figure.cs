using System.Globalization;
using System.Xml.Linq;
using OxyPlot;

namespace ClusterLp.Cli.Rendering.Report;

/// <summary>A plot with what it says in words.</summary>
/// <param name="Kind">Its class on the page.</param>
/// <param name="Title">Heading.</param>
/// <param name="Plot">What is drawn.</param>
/// <param name="Caption">What it shows and from what; also read out instead of the picture.</param>
/// <param name="Height">Of the drawing, which is 720 wide.</param>
internal sealed record Figure(string Kind, string Title, PlotModel Plot, string Caption, int Height = 420)
{
    private const int Width = 720;

    private const string Fonts = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";

    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    /// <summary>The drawing as an inline SVG element that takes the width there is.</summary>
    /// <param name="id">Unique on the page.</param>
    public XElement ToSvg(string id)
    {
        // Drawn before it is exported, or errors of the plot would be drawn as text.
        ((IPlotModel)Plot).Update(true);
        if (Plot.GetLastPlotException() is { } error)
            throw new InvalidOperationException($"the plot \"{Title}\" cannot be drawn: {error.Message}", error);
        XElement svg = XDocument.Parse(SvgExporter.ExportToString(Plot, Width, Height, isDocument: false, new WideText())).Root!;
        svg.SetAttributeValue("viewBox", string.Create(CultureInfo.InvariantCulture, $"0 0 {Width} {Height}"));
        svg.SetAttributeValue("width", null);
        svg.SetAttributeValue("height", null);
        svg.SetAttributeValue("role", "img");
        svg.SetAttributeValue("aria-labelledby", $"{id}-title {id}-desc");
        foreach (XAttribute font in svg.Descendants(Svg + "text").Attributes("font-family"))
            font.Value = Fonts;
        // Every drawing numbers its clips from 1; on one page they must differ.
        foreach (XElement clip in svg.Descendants(Svg + "clipPath"))
            clip.SetAttributeValue("id", $"{id}-{clip.Attribute("id")!.Value}");
        foreach (XAttribute use in svg.Descendants().Attributes("clip-path"))
            use.Value = use.Value.Replace("url(#", $"url(#{id}-", StringComparison.Ordinal);
        svg.AddFirst(new XElement(Svg + "title", new XAttribute("id", $"{id}-title"), Title), new XElement(Svg + "desc", new XAttribute("id", $"{id}-desc"), Caption));
        return svg;
    }

    /// <summary>
    /// Text sizes in pixels, where the base measures in points, with room for the widest of the fonts that a reader may have,
    /// which is about a sixth wider than Arial.
    /// </summary>
    private sealed class WideText() : PdfRenderContext(Width, Width, OxyColors.White)
    {
        private const double PixelsPerPoint = 96.0 / 72;

        public override OxySize MeasureText(string text, string fontFamily, double fontSize, double fontWeight)
        {
            OxySize size = base.MeasureText(text, fontFamily, fontSize, fontWeight);
            return new OxySize(size.Width * PixelsPerPoint * 1.17, size.Height * PixelsPerPoint);
        }
    }
}
