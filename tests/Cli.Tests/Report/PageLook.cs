using System.Text.Json.Serialization;
using PuppeteerSharp;

namespace ClusterLp.Cli.Tests.Report;

/// <summary>One plot as the browser has it.</summary>
/// <param name="Kind">The figure's class.</param>
/// <param name="Marks">Lines and bars inside the frame that are neither grid nor frame: coloured, and longer than a tick.</param>
/// <param name="Colours">Colours of at least 30 of its pixels when drawn.</param>
/// <param name="CutOff">Texts that reach beyond the drawing.</param>
/// <param name="Overlapping">Pairs of texts that lie on one another.</param>
/// <param name="Title">What a screen reader says first.</param>
/// <param name="Description">And then.</param>
internal sealed record PlotLook(
    [property: JsonPropertyName("kind")] string Kind, [property: JsonPropertyName("marks")] int Marks, [property: JsonPropertyName("colours")] int Colours,
    [property: JsonPropertyName("cutOff")] string[] CutOff, [property: JsonPropertyName("overlapping")] string[] Overlapping,
    [property: JsonPropertyName("title")] string Title, [property: JsonPropertyName("description")] string Description);

/// <summary>A page, opened and looked at.</summary>
internal sealed record PageLook(IReadOnlyList<string> Errors, IReadOnlyList<string> Requests, PlotLook[] Plots, bool FitsAPhone)
{
    private const string Script = """
        async () => {
          const coloured = (r, g, b) => Math.max(r, g, b) - Math.min(r, g, b) > 60;
          const plots = [];
          for (const figure of document.querySelectorAll('figure')) {
            const svg = figure.querySelector('svg'), box = svg.viewBox.baseVal, outer = svg.getBoundingClientRect();
            let marks = 0;
            for (const mark of svg.querySelectorAll('polyline, polygon, path, rect, circle, ellipse, line')) {
              const style = getComputedStyle(mark), paint = [style.stroke, style.fill].find(c => {
                const rgb = (c.match(/[\d.]+/g) || []).map(Number);
                return rgb.length >= 3 && rgb[3] !== 0 && coloured(...rgb);
              });
              const size = mark.getBBox();
              if (paint && mark.getTotalLength() > 12 && !mark.closest('defs') && Math.max(size.width, size.height) > 3) marks++;
            }
            const copy = svg.cloneNode(true);
            copy.setAttribute('width', box.width); copy.setAttribute('height', box.height);
            const image = new Image();
            image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(new XMLSerializer().serializeToString(copy));
            await image.decode();
            const canvas = document.createElement('canvas');
            canvas.width = box.width; canvas.height = box.height;
            const context = canvas.getContext('2d');
            context.drawImage(image, 0, 0);
            const data = context.getImageData(0, 0, canvas.width, canvas.height).data, counts = new Map();
            for (let i = 0; i < data.length; i += 4)
              if (coloured(data[i], data[i + 1], data[i + 2])) {
                const key = [data[i], data[i + 1], data[i + 2]].join();
                counts.set(key, (counts.get(key) || 0) + 1);
              }
            const texts = [...svg.querySelectorAll('text')].map(text => ({ text: text.textContent, at: text.getBoundingClientRect() }));
            const cutOff = texts.filter(({ at }) => at.left < outer.left - 1 || at.right > outer.right + 1 || at.top < outer.top - 1 || at.bottom > outer.bottom + 1);
            const overlapping = [];
            texts.forEach((a, i) => texts.slice(i + 1).forEach(b => {
              const across = Math.min(a.at.right, b.at.right) - Math.max(a.at.left, b.at.left), down = Math.min(a.at.bottom, b.at.bottom) - Math.max(a.at.top, b.at.top);
              if (across > 3 && down > 5) overlapping.push(a.text + ' | ' + b.text);
            }));
            plots.push({ kind: figure.className, marks, colours: [...counts.values()].filter(n => n >= 30).length, cutOff: cutOff.map(c => c.text), overlapping,
              title: (svg.querySelector('title') || {}).textContent || '', description: (svg.querySelector('desc') || {}).textContent || '' });
          }
          return plots;
        }
        """;

    public static async Task<PageLook> AtAsync(string path, string? screenshot = null)
    {
        await using IBrowser browser = await Browser.StartAsync();
        await using IPage page = await browser.NewPageAsync();
        var (errors, requests) = (new List<string>(), new List<string>());
        page.Console += (_, said) =>
        {
            if (said.Message.Type is ConsoleType.Error or ConsoleType.Warning)
                errors.Add(said.Message.Text);
        };
        page.PageError += (_, failed) => errors.Add(failed.Message);
        page.Request += (_, asked) => requests.Add(asked.Request.Url);
        page.RequestFailed += (_, failed) => errors.Add($"{failed.Request.Url}: {failed.Request.FailureText}");
        await page.SetViewportAsync(new ViewPortOptions { Width = 1280, Height = 900 });
        await page.GoToAsync(new Uri(path).AbsoluteUri);
        PlotLook[] plots = await page.EvaluateFunctionAsync<PlotLook[]>(Script);
        if (screenshot is not null)
            await page.ScreenshotAsync(screenshot, new ScreenshotOptions { FullPage = true });
        await page.SetViewportAsync(new ViewPortOptions { Width = 390, Height = 800 });
        bool fits = await page.EvaluateExpressionAsync<bool>("document.documentElement.scrollWidth <= innerWidth");
        return new PageLook(errors, [.. requests.Where(url => !url.StartsWith("data:", StringComparison.Ordinal))], plots, fits);
    }
}
