using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace ClusterLp.Cluster.Tests.Operations;

/// <summary>What a process serves at <c>--http</c>, asked over a real connection.</summary>
internal sealed partial class Endpoint : IDisposable
{
    private readonly HttpClient _client;

    private Endpoint(string address) => _client = new HttpClient { BaseAddress = new Uri(address), Timeout = TimeSpan.FromSeconds(20) };

    /// <summary>Where the process says it serves.</summary>
    public static async Task<Endpoint> OfAsync(ClusterLpProcess process)
    {
        await JobPaths.UntilAsync(() => Address().IsMatch(process.Said()) || process.HasEnded, "health and metrics", process.Said);
        return new Endpoint(Address().Match(process.Said()).Groups[1].Value);
    }

    public async Task<(HttpStatusCode Status, string Body)> GetAsync(string path)
    {
        using HttpResponseMessage answer = await _client.GetAsync(path);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    public async Task<HttpStatusCode> SendAsync(HttpMethod method, string path)
    {
        using var request = new HttpRequestMessage(method, path);
        using HttpResponseMessage answer = await _client.SendAsync(request);
        return answer.StatusCode;
    }

    /// <summary>Waits until the process says it can do its part.</summary>
    public Task ReadyAsync() => JobPaths.UntilAsync(() => GetAsync("/healthz/ready").Result.Status == HttpStatusCode.OK, "readiness");

    public async Task<Scrape> ScrapeAsync()
    {
        (HttpStatusCode status, string body) = await GetAsync("/metrics");
        Assert.Equal(HttpStatusCode.OK, status);
        return Scrape.Parse(body);
    }

    public void Dispose() => _client.Dispose();

    [GeneratedRegex(@"health and metrics at (http://[^\s""]+)")]
    private static partial Regex Address();
}

/// <summary>One answer of <c>/metrics</c>: samples by name, labels and value.</summary>
/// <param name="Types">Of each family: counter, gauge, histogram.</param>
/// <param name="Samples">In order.</param>
internal sealed partial record Scrape(IReadOnlyDictionary<string, string> Types, IReadOnlyList<Sample> Samples)
{
    /// <summary>Reads the Prometheus text format, and accepts nothing else.</summary>
    public static Scrape Parse(string text)
    {
        var types = new Dictionary<string, string>();
        var samples = new List<Sample>();
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
                types.Add(line.Split(' ')[2], line.Split(' ')[3]);
            if (line[0] == '#')
                continue;
            Match match = Line().Match(line);
            Assert.True(match.Success, $"no sample: {line}");
            var labels = Label().Matches(match.Groups["labels"].Value).ToDictionary(label => label.Groups[1].Value, label => label.Groups[2].Value);
            samples.Add(new Sample(match.Groups["name"].Value, labels, double.Parse(match.Groups["value"].Value, CultureInfo.InvariantCulture)));
        }
        return new Scrape(types, samples);
    }

    /// <summary>The one sample of a name that carries these labels.</summary>
    public double this[string name, params (string Label, string Value)[] labels] =>
        Assert.Single(Samples, sample => sample.Name == name && labels.All(label => sample.Labels.GetValueOrDefault(label.Label) == label.Value)).Value;

    [GeneratedRegex(@"^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?<labels>.*)\})? (?<value>\S+)( \d+)?$")]
    private static partial Regex Line();

    [GeneratedRegex("""([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?""")]
    private static partial Regex Label();
}

internal sealed record Sample(string Name, IReadOnlyDictionary<string, string> Labels, double Value);
