using System.Diagnostics;
using PuppeteerSharp;

namespace ClusterLp.Cli.Tests.Report;

/// <summary>A real browser, as ./test installs it: Debian's Chromium, headless.</summary>
internal static class Browser
{
    public static string? Path { get; } = new[] { "chromium", "chromium-browser", "google-chrome", "google-chrome-stable" }
        .SelectMany(name => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => System.IO.Path.Combine(folder, name)))
        .FirstOrDefault(File.Exists);

    public static Task<IBrowser> StartAsync() => Puppeteer.LaunchAsync(new LaunchOptions
    {
        ExecutablePath = Path!, Headless = true, Args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"],
    });
}

/// <summary>A test in a real browser; skipped, with the reason, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute() => Skip = Browser.Path is null ? "needs a browser (Debian: apt-get install chromium)" : null;
}
