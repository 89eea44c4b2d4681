using ClusterLp.Core;
using ClusterLp.Core.Reporting;
using ClusterLp.Models;

namespace ClusterLp.Cluster.Tests;

/// <summary>A model of many tensors that share a budget, its process killed where the ranks are settled.</summary>
public sealed class WholeModelTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("clusterlp-models-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("coordinator.reduce/allot=kill@4")]
    [InlineData("coordinator.committed/scan=kill@9")]
    [InlineData("coordinator.committed/factorise=kill@5")]
    public async Task Killed_and_started_again_it_writes_the_same_files(string death)
    {
        string model = TransformerModel.Write(Path.Combine(_folder.FullName, "tiny"));
        string[] Command(string output) => ["compress", model, "--compression", "0.5", "--workers", "2", "--threads", "1", "--block-rows", "90", "--output", Path.Combine(_folder.FullName, output)];
        await ClusterLpProcess.RunAsync(ExitCode.Done, Command("undisturbed"));

        using (ClusterLpProcess killed = ClusterLpProcess.Start(new Dictionary<string, string> { ["CLUSTERLP_FAILPOINTS"] = death }, Command("resumed")))
            killed.WaitForEnd();
        Assert.False(Directory.Exists(Path.Combine(_folder.FullName, "resumed")));
        using ClusterLpProcess again = ClusterLpProcess.Start(Command("resumed"));
        await again.ExpectAsync(ExitCode.Done);
        Assert.Matches(@"resuming: [1-9]\d* committed blocks kept", await again.ErrorAsync());

        Dictionary<string, byte[]> expected = Files("undisturbed"), found = Files("resumed");
        Assert.Equal(expected.Keys.Order(), found.Keys.Order());
        Assert.All(expected.Where(file => file.Key != "clusterlp.json"), file => Assert.Equal(file.Value, found[file.Key]));
        JobReport report = ReportJson.Read(Path.Combine(_folder.FullName, "resumed", "clusterlp.json"));
        Assert.True(report.Tensors.Select(tensor => tensor.Rank).Distinct().Count() > 1);
    }

    private Dictionary<string, byte[]> Files(string output)
    {
        string folder = Path.Combine(_folder.FullName, output);
        return Directory.GetFiles(folder, "*", SearchOption.AllDirectories).ToDictionary(path => Path.GetRelativePath(folder, path), File.ReadAllBytes);
    }
}
