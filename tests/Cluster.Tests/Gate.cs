namespace ClusterLp.Cluster.Tests;

/// <summary>A failpoint of a process at which it waits for the test.</summary>
internal sealed class Gate : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("clusterlp-gate-").FullName;
    private readonly string _rule;

    /// <param name="rule">Such as <c>coordinator.reduce/coreset</c>: held the first time it is reached.</param>
    public Gate(string rule) => _rule = rule;

    /// <summary>Variables of the process that is to wait; more failpoints may be given.</summary>
    public Dictionary<string, string> Environment(params string[] more) => new()
    {
        ["CLUSTERLP_FAILPOINTS"] = string.Join(';', [$"{_rule}=hold@1", .. more]), ["CLUSTERLP_FAILPOINTS_DIR"] = _folder,
    };

    /// <summary>Waits until the process is there.</summary>
    public Task ReachedAsync() => JobPaths.UntilAsync(() => Held().Length > 0, _rule);

    /// <summary>Lets the process go on.</summary>
    public async Task OpenAsync()
    {
        await ReachedAsync();
        foreach (string marker in Held())
            File.Delete(marker);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string[] Held() => Directory.GetFiles(_folder, "*.hold");
}
