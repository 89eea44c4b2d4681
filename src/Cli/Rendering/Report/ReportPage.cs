using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Xml;
using System.Xml.Linq;
using ClusterLp.Core.Evaluation;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Rendering.Report;

/// <summary>
/// A job's report as one HTML page that needs nothing else: plots are inline SVG, nothing is fetched, no script runs (its
/// policy forbids both), and all names are escaped.
/// </summary>
internal static class ReportPage
{
    private const string Policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

    /// <param name="report">What clusterlp.json says.</param>
    /// <param name="profiles">Layers to draw.</param>
    /// <param name="note">Why none are drawn, or which; null: nothing to say.</param>
    public static string Write(JobReport report, ImmutableArray<LayerProfile> profiles, string? note)
    {
        string title = $"ClusterLp: {Path.GetFileName(Path.TrimEndingDirectorySeparator(report.Parameters.Output))}";
        int figures = 0;
        var main = new XElement("main",
            new XElement("h1", title), Facts(report),
            new XElement("h2", "Layers"), Table(report),
            new XElement("p", new XAttribute("class", "facts"), $"Ratios are errors as stored over those of {ResultWords.Baseline(report)}: below 1 is better than SVD.{(report.Tensors.All(tensor => tensor.Model is null) ? " For p < 2 the Frobenius error is the higher one." : "")}"));
        Figure[] whole = [.. new[] { JobCharts.Ratios(report), JobCharts.Timeline(report) }.OfType<Figure>()];
        if (whole.Length > 0)
            main.Add(new XElement("div", new XAttribute("class", "plots wide"), whole.Select(Draw)));
        if (note is not null)
            main.Add(new XElement("p", note));
        foreach (TensorReport tensor in report.Tensors)
            if (tensor.Simplex is { } simplex)
                main.Add(new XElement("h2", $"Archetypes of {tensor.Name}"), Archetypes(simplex));
        foreach (LayerProfile layer in profiles)
        {
            TensorReport of = report.Tensors.First(tensor => tensor.Name == layer.Name);
            main.Add(new XElement("section",
                new XElement("h2", layer.Name),
                new XElement("p", new XAttribute("class", "facts"), string.Join(" ", ResultWords.Of(of))),
                new XElement("div", new XAttribute("class", "plots"), LayerCharts.Of(layer, of).Select(Draw))));
        }
        var page = new XElement("html", new XAttribute("lang", "en"),
            new XElement("head",
                new XElement("meta", new XAttribute("charset", "utf-8")),
                new XElement("meta", new XAttribute("http-equiv", "Content-Security-Policy"), new XAttribute("content", Policy)),
                new XElement("meta", new XAttribute("name", "viewport"), new XAttribute("content", "width=device-width, initial-scale=1")),
                new XElement("meta", new XAttribute("name", "generator"), new XAttribute("content", Application.Tool)),
                // A browser asks for an icon unless it is told that there is none.
                new XElement("link", new XAttribute("rel", "icon"), new XAttribute("href", "data:,")),
                new XElement("title", title), new XElement("style", Style())),
            new XElement("body", main));
        return "<!DOCTYPE html>\n" + Html(page) + "\n";

        XElement Draw(Figure figure) => new("figure", new XAttribute("class", figure.Kind),
            new XElement("h3", figure.Title), figure.ToSvg($"plot-{++figures}"), new XElement("figcaption", figure.Caption));
    }

    private static XElement Facts(JobReport report)
    {
        var facts = new List<string>
        {
            $"{report.Parameters.Input}, {Figures.Bytes(report.Tensors.Sum(tensor => (double)tensor.BytesBefore))} of which became {Figures.Bytes(report.Tensors.Sum(tensor => (double)tensor.BytesAfter))}.",
            string.Create(CultureInfo.InvariantCulture, $"{report.Seconds.Total:F1} s, {report.Seconds.Fit:F1} s of it the fit, with {Figures.Count(report.Workers, "worker", "workers")} at its end{(report.Retries > 0 ? $", {Figures.Count(report.Retries, "retry", "retries")}" : "")}{(report.Speculative > 0 ? $", {Figures.Count(report.Speculative, "speculative copy", "speculative copies")} of slow blocks" : "")}."),
            $"Seed {report.Parameters.Seed}; {report.Kernels} kernels; {report.Factorisations}; {report.Tool}.",
        };
        return new XElement("p", new XAttribute("class", "facts"), string.Join(" ", facts));
    }

    private static XElement Table(JobReport report)
    {
        string[] headings = ["layer", "shape", "rank", "p", "size", "smaller", "relative l_p", "l_p / SVD", "l_1 / SVD", "Frobenius / SVD", "largest row / SVD"];
        return new XElement("div", new XAttribute("class", "table"), new XElement("table",
            new XElement("thead", new XElement("tr", headings.Select(heading => new XElement("th", new XAttribute("scope", "col"), heading)))),
            new XElement("tbody", report.Tensors.Select(tensor => new XElement("tr",
                Cell(tensor.Name), Cell($"{tensor.Rows} x {tensor.Columns}"), Cell($"{tensor.Rank}"),
                Cell(tensor.Method == "lp" ? tensor.P.ToString(CultureInfo.InvariantCulture) : tensor.Method),
                Cell($"{Figures.Bytes(tensor.BytesBefore)} \u2192 {Figures.Bytes(tensor.BytesAfter)}"), Cell(Figures.Percent(1 - tensor.BytesAfter / (double)tensor.BytesBefore)),
                Cell(tensor.RelativeLp.ToString("F4", CultureInfo.InvariantCulture)),
                Ratio(tensor.Errors.Lp, tensor.Svd.Lp), Ratio(tensor.Errors.L1, tensor.Svd.L1),
                Ratio(tensor.Errors.Frobenius, tensor.Svd.Frobenius), Ratio(tensor.Errors.MaxRow, tensor.Svd.MaxRow))))));

        static XElement Cell(string text) => new("td", text);

        static XElement Ratio(double ours, double svd) => new("td", ours < svd ? new XAttribute("class", "better") : null, Figures.Ratio(ours, svd));
    }

    private static XElement Archetypes(SimplexReport simplex) => new("div", new XAttribute("class", "table"), new XElement("table",
        new XElement("thead", new XElement("tr", new[] { "archetype", "rows with the largest weight on it" }.Select(heading => new XElement("th", new XAttribute("scope", "col"), heading)))),
        new XElement("tbody", ArchetypeWords.Of(simplex).Select((line, index) => new XElement("tr",
            new XElement("td", index.ToString(CultureInfo.InvariantCulture)), new XElement("td", line))))));

    private static string Style()
    {
        using Stream stream = typeof(ReportPage).Assembly.GetManifestResourceStream("page.css")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    // XML is HTML but for tags that must not be closed in themselves, and styles, which are not escaped.
    private static string Html(XElement page)
    {
        XNamespace svg = "http://www.w3.org/2000/svg";
        string[] empty = ["meta", "link"];
        foreach (XElement element in page.DescendantsAndSelf().Where(element => element.IsEmpty && element.Name.Namespace != svg && !empty.Contains(element.Name.LocalName)).ToList())
            element.Value = "";
        var text = new StringBuilder();
        using (XmlWriter writer = XmlWriter.Create(text, new XmlWriterSettings { OmitXmlDeclaration = true, Indent = false, CheckCharacters = false }))
            page.WriteTo(writer);
        return text.ToString();
    }
}
