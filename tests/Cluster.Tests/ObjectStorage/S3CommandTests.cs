using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ClusterLp.Core;
using ClusterLp.Core.Storage;

namespace ClusterLp.Cluster.Tests.ObjectStorage;

/// <summary>Commands around a job say of objects what they say of the same files, and write where they are told to.</summary>
[Collection(S3Server.Collection)]
public sealed partial class S3CommandTests(S3Server server) : IDisposable
{
    private const int Rows = 2000, Columns = 32;
    private static readonly string[] Options = ["--rank", "20", "--p", "1", "--block-rows", "500"];

    private readonly string _folder = Directory.CreateTempSubdirectory("clusterlp-s3-commands-").FullName;

    [S3Fact]
    public async Task A_plan_is_that_of_the_same_file_and_writes_nothing()
    {
        string prefix = await PrepareAsync();
        JsonNode ofFiles = await JsonAsync(["plan", $"{_folder}/matrix.npy", .. Options, "--json", "--threads", "1", "--quiet"]);
        JsonNode ofObjects = await JsonAsync(["plan", $"{prefix}/matrix.npy", .. Options, "--json", "--threads", "1", "--quiet"]);
        Assert.NotEmpty(ofObjects["tensors"]!.AsArray());
        Assert.Equal(ofFiles["tensors"]!.ToJsonString(), ofObjects["tensors"]!.ToJsonString());
        Assert.Equal(["matrix.npy", "weights.txt"], StoredFiles.Names(prefix).Order());
    }

    [S3Fact]
    public async Task Row_weights_in_the_store_weigh_verify_and_rank_as_their_file_does_and_the_page_lies_beside_the_factors()
    {
        string prefix = await PrepareAsync();
        foreach (string place in (string[])[_folder, prefix])
            await RunAsync(["compress", $"{place}/matrix.npy", .. Options, "--row-weights", $"{place}/weights.txt", "--output", $"{place}/out", "--quiet"]);
        await RunAsync(["compress", $"{prefix}/matrix.npy", .. Options, "--output", $"{prefix}/unweighted", "--quiet"]);
        byte[] factors = Factors($"{prefix}/out");
        Assert.Equal(Factors($"{_folder}/out"), factors);
        Assert.NotEqual(Factors($"{prefix}/unweighted"), factors);

        string verified = await RunAsync("verify", $"{prefix}/out", "--against", $"{prefix}/matrix.npy");
        Assert.Contains("svd.weightedLp", verified);
        Assert.DoesNotContain("Not recomputed", verified);

        JsonNode ofFiles = await JsonAsync("evaluate", $"{_folder}/out", "--against", $"{_folder}/matrix.npy", "--json", "--quiet");
        JsonNode ofObjects = await JsonAsync("evaluate", $"{prefix}/out", "--against", $"{prefix}/matrix.npy", "--json", "--quiet");
        Assert.Equal("row-weighted", ofObjects["layers"]![0]!["baseline"]!.GetValue<string>());
        Assert.Equal(ofFiles["layers"]!.ToJsonString(), ofObjects["layers"]!.ToJsonString());
        Assert.Equal(($"{prefix}/out", $"{prefix}/weights.txt"), (ofObjects["output"]!.GetValue<string>(), ofObjects["frequencies"]!.GetValue<string>()));

        Assert.Equal($"{prefix}/out/report.html", (await RunAsync("report", $"{prefix}/out", "--quiet")).Trim());
        string local = Path.Combine(_folder, "page.html");
        Assert.Equal(local, (await RunAsync("report", $"{prefix}/out", "--output", local, "--quiet")).Trim());
        await RunAsync("report", $"{_folder}/out", "--quiet");
        string[] plots = Plots(File.ReadAllText($"{_folder}/out/report.html"));
        // This one is drawn from the model, which was found where the job had read it.
        Assert.Contains("Row errors", plots);
        Assert.All((string[])[System.Text.Encoding.UTF8.GetString(StoredFiles.Read($"{prefix}/out/report.html", int.MaxValue)!), File.ReadAllText(local)], page => Assert.Equal(plots, Plots(page)));
        using ClusterLpProcess again = ClusterLpProcess.Start("report", $"{prefix}/out", "--quiet");
        await again.ExpectAsync(ExitCode.CannotWrite);
        Assert.Contains($"{prefix}/out/report.html: the page exists", await again.ErrorAsync());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // A matrix and weights of its rows, as files and as objects.
    private async Task<string> PrepareAsync()
    {
        string prefix = server.NewPrefix();
        await File.WriteAllBytesAsync($"{_folder}/matrix.npy", HeavyTailedJob.Matrix(Rows, Columns));
        await File.WriteAllLinesAsync($"{_folder}/weights.txt", Enumerable.Range(0, Rows).Select(row => (1 + row * 37 % 101).ToString(CultureInfo.InvariantCulture)));
        foreach (string name in (string[])["matrix.npy", "weights.txt"])
            ObjectStores.Of(prefix).Put($"{prefix}/{name}", await File.ReadAllBytesAsync($"{_folder}/{name}"));
        return prefix;
    }

    private static Task<string> RunAsync(params string[] arguments) => ClusterLpProcess.RunAsync(ExitCode.Done, arguments);

    private static async Task<JsonNode> JsonAsync(params string[] arguments) => JsonNode.Parse(await RunAsync(arguments))!;

    private static byte[] Factors(string output) => StoredFiles.Read($"{output}/model.safetensors", int.MaxValue)!;

    // Titles and captions, in the page's order, but for the caption that says how long the run took.
    private static string[] Plots(string page) =>
        [.. Title().Matches(page).Select(match => match.Groups[1].Value).Where(text => !TookSeconds().IsMatch(text))];

    [GeneratedRegex("<(?:h3|figcaption)[^>]*>([^<]*)")]
    private static partial Regex Title();

    [GeneratedRegex(@"^\d+ blocks in [0-9.]+ s by ")]
    private static partial Regex TookSeconds();
}
