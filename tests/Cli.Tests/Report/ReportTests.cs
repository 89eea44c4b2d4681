using System.Text.RegularExpressions;
using ClusterLp.Core;
using ClusterLp.Models;

namespace ClusterLp.Cli.Tests.Report;

/// <summary><c>report</c>: the page of a real job, looked at in a real browser.</summary>
public sealed class ReportTests : IDisposable
{
    private readonly Folder _folder = new();
    private readonly string _model;

    public ReportTests() => _model = _folder.WriteMatrix("emb<&>\"1\".npy", 1500, 24);

    public void Dispose() => _folder.Dispose();

    [BrowserFact]
    public async Task Every_plot_shows_something_and_the_browser_complains_of_nothing()
    {
        PageLook look = await PageLook.AtAsync(await ReportAsync("--rank", "6"));
        Assert.Empty(look.Errors);
        Assert.Single(look.Requests);
        Assert.Equal(["ratios", "timeline", "rank", "spectrum", "tails", "rows", "order"], look.Plots.Select(plot => plot.Kind));
        Assert.All(look.Plots, plot =>
        {
            int series = plot.Kind switch { "rank" => 3, "spectrum" => 1, "timeline" => 4, _ => 2 };
            Assert.True(plot.Marks >= series && plot.Colours >= series, $"{plot.Kind} is empty: {plot.Marks} marks, {plot.Colours} colours");
            Assert.True(plot.CutOff.Length == 0, $"{plot.Kind}: cut off: {string.Join(", ", plot.CutOff)}");
            Assert.True(plot.Overlapping.Length == 0, $"{plot.Kind}: on one another: {string.Join("; ", plot.Overlapping)}");
            Assert.NotEmpty(plot.Title);
            Assert.True(plot.Description.Length > 60, plot.Description);
        });
        Assert.True(look.FitsAPhone, "the page is wider than a phone");
    }

    [BrowserFact]
    public async Task Of_a_whole_model_the_largest_layers_are_drawn_wide_ones_by_their_columns_and_the_others_named()
    {
        string model = TransformerModel.Write(_folder["tiny"]);
        CommandLine run = await CommandLine.RunAsync("compress", model, "--output", _folder["out"], "--compression", "0.6", "--per-tensor", "--quiet");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        run = await CommandLine.RunAsync("report", _folder["out"], "--quiet");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        PageLook look = await PageLook.AtAsync(run.Out.Trim());
        Assert.Empty(look.Errors);
        Assert.Equal(2 + 6 * 5, look.Plots.Length);
        Assert.All(look.Plots, plot => Assert.True(plot.Marks > 0 && plot.Colours > 0 && plot.CutOff.Length == 0 && plot.Overlapping.Length == 0, plot.ToString()));
        Assert.Equal(2, look.Plots.Count(plot => plot.Title == "Column errors"));
        string text = await File.ReadAllTextAsync(run.Out.Trim());
        Assert.Contains("--tensor chooses others", text);
        Assert.Contains("self_attn.q_proj", text);
    }

    [BrowserFact]
    public async Task A_page_with_an_error_or_without_its_series_is_not_taken_for_a_good_one()
    {
        string page = await ReportAsync("--rank", "6");
        string text = await File.ReadAllTextAsync(page);
        // The series' lines are the only thick ones, bars the only coloured rectangles.
        string emptied = Regex.Replace(Regex.Replace(text, "<polyline [^>]*stroke-width:2.2[^>]*/>", ""), "<(rect|circle|polygon) [^>]*(fill:rgb|fill:#)[^>]*/>", "");
        Assert.NotEqual(text, emptied);
        await File.WriteAllTextAsync(page, Regex.Replace(emptied, "<meta http-equiv[^>]*>", "").Replace("</main>", "</main><img src=\"nonesuch.png\"><script>nonesuch()</script>"));
        PageLook look = await PageLook.AtAsync(page);
        Assert.Contains(look.Errors, error => error.Contains("nonesuch is not defined", StringComparison.Ordinal));
        Assert.Equal(2, look.Requests.Count);
        Assert.All(look.Plots.Where(plot => plot.Kind is "rows" or "order"), plot => Assert.Equal(0, plot.Marks));
    }

    [Fact]
    public async Task Names_are_escaped_and_nothing_is_fetched()
    {
        string text = await File.ReadAllTextAsync(await ReportAsync("--rank", "5", "--p", "1"));
        Assert.Contains("emb&lt;&amp;&gt;", text);
        Assert.DoesNotContain("emb<", text);
        Assert.DoesNotContain("<script", text);
        Assert.DoesNotMatch("(src|href)=\"(?!data:|#)", text);
        Assert.Contains("p = 1", text);
        Assert.Contains(" blocks in ", text);
    }

    [Fact]
    public async Task Without_the_model_what_the_report_knows_is_drawn_and_the_rest_is_named()
    {
        await CompressAsync("--rank", "4");
        string elsewhere = Path.Combine(Directory.CreateDirectory(_folder["elsewhere"]).FullName, Path.GetFileName(_model));
        File.Move(_model, elsewhere);
        CommandLine run = await CommandLine.RunAsync("report", _folder["out"], "--quiet");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        Assert.Contains("is gone", run.Error);
        string text = await File.ReadAllTextAsync(run.Out.Trim());
        Assert.Equal(2, Regex.Count(text, "<svg "));
        Assert.Contains("Name it with --against", text);
        // An existing page stays.
        CommandLine again = await CommandLine.RunAsync("report", _folder["out"]);
        Assert.Equal(ExitCode.CannotWrite, again.Code);
        Assert.Contains("--force", again.Error);
        run = await CommandLine.RunAsync("report", _folder["out"], "--force", "--against", elsewhere, "--output", _folder["page.html"]);
        Assert.True(run.Code == ExitCode.Done, run.Error);
        Assert.Equal(7, Regex.Count(await File.ReadAllTextAsync(_folder["page.html"]), "<svg "));
    }

    private async Task CompressAsync(params string[] options)
    {
        CommandLine run = await CommandLine.RunAsync(["compress", _model, "--output", _folder["out"], "--quiet", .. options]);
        Assert.True(run.Code == ExitCode.Done, run.Error);
    }

    private async Task<string> ReportAsync(params string[] options)
    {
        await CompressAsync(options);
        CommandLine run = await CommandLine.RunAsync("report", _folder["out"], "--quiet");
        Assert.True(run.Code == ExitCode.Done, run.Error);
        return run.Out.Trim();
    }
}
