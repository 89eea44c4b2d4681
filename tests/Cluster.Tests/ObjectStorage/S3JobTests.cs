using System.Security.Cryptography;
using System.Text.Json;
using ClusterLp.Core;
using ClusterLp.Core.Storage;

namespace ClusterLp.Cluster.Tests.ObjectStorage;

/// <summary>Whole jobs, in real processes, whose input, job directory and output lie in an S3 store: the factors are those of files.</summary>
[Collection(S3Server.Collection)]
public sealed class S3JobTests(S3Server server) : IDisposable
{
    private const int Rows = 3000, Columns = 48;
    private static readonly string[] Options = ["--compression", "0.3", "--p", "1", "--block-rows", "500"];

    private readonly string _folder = Directory.CreateTempSubdirectory("clusterlp-s3-job-").FullName;

    [S3Fact]
    public async Task A_job_in_a_store_that_fails_now_and_then_ends_with_the_same_bytes()
    {
        (string prefix, string reference) = await PrepareAsync();
        int asked = server.Front.Requests.Count;
        server.Front.Misbehave = request => (request.Number % 60) switch
        {
            7 => S3Fault.SlowDown, 23 => S3Fault.Reset, 38 => S3Fault.LostAnswer, 52 => S3Fault.Slow, _ => S3Fault.None,
        };
        await ClusterLpProcess.RunAsync(ExitCode.Done,
            ["compress", $"{prefix}/in/matrix.npy", .. Options, "--output", $"{prefix}/out", "--job-dir", $"{prefix}/job", "--quiet"]);
        S3Request[] requests = [.. server.Front.Requests.Skip(asked)];
        Assert.True(requests.Length > 120, "each kind of fault has struck at least twice");
        server.Front.Misbehave = _ => S3Fault.None;
        Assert.Equal(reference, Digest($"{prefix}/out/model.safetensors"));
        Assert.Equal(["clusterlp.json", "clusterlp.md", "model.safetensors"], StoredFiles.Names($"{prefix}/out"));
        Assert.Empty(server.Front.OpenUploads);
        S3Request[] reads = [.. requests.Where(request => request.Method == "GET" && request.Key.EndsWith("matrix.npy", StringComparison.Ordinal))];
        Assert.All(reads, request => Assert.StartsWith("bytes=", request.Range));
        // What fits the cache does not travel again: nine passes over six blocks and a hash would be more.
        Assert.InRange(reads.Length, 1, 30);

        // What it is, how far it came, whether it is what it says; and it is not replaced.
        Assert.Contains("\"phase\": \"done\"", await ClusterLpProcess.RunAsync(ExitCode.Done, "status", "--job-dir", $"{prefix}/job", "--json"));
        await ClusterLpProcess.RunAsync(ExitCode.Done, "verify", $"{prefix}/out", "--against", $"{prefix}/in/matrix.npy");
        using ClusterLpProcess again = ClusterLpProcess.Start(["compress", $"{prefix}/in/matrix.npy", .. Options, "--output", $"{prefix}/out"]);
        await again.ExpectAsync(ExitCode.CannotWrite);
        Assert.Contains($"{prefix}/out: the output exists", await again.ErrorAsync());
    }

    [S3Fact]
    public async Task A_killed_coordinator_goes_on_from_the_store_and_nobody_takes_the_job_of_one_that_lives()
    {
        (string prefix, string reference) = await PrepareAsync();
        string file = Path.Combine(_folder, "job.json");
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["model"] = $"{prefix}/in/matrix.npy", ["output"] = $"{prefix}/out", ["job-dir"] = $"{prefix}/job", ["compression"] = 0.3, ["p"] = 1, ["block-rows"] = 500,
        }));
        string address = $"127.0.0.1:{ClusterLpProcess.FreePort()}";
        string[] command = ["coordinator", "--job", file, "--listen", address];
        using var gate = new Gate("coordinator.reduce/refine");
        using ClusterLpProcess first = ClusterLpProcess.Start(gate.Environment(), command);
        using ClusterLpProcess one = ClusterLpProcess.Start("worker", "--coordinator", address, "--threads", "1");
        using ClusterLpProcess two = ClusterLpProcess.Start("worker", "--coordinator", address, "--threads", "1");
        await gate.ReachedAsync();

        using (ClusterLpProcess rival = ClusterLpProcess.Start("coordinator", "--job", file, "--listen", "127.0.0.1:0"))
        {
            await rival.ExpectAsync(ExitCode.Resumable);
            Assert.Contains($"{prefix}/job: another coordinator", await rival.ErrorAsync());
        }
        first.Kill();
        first.WaitForEnd();
        using ClusterLpProcess second = ClusterLpProcess.Start(command);
        await second.ExpectAsync(ExitCode.Done);
        Assert.Matches(@"resuming: [1-9]\d* committed blocks kept \(epoch 2\)", await second.ErrorAsync());
        Assert.Equal(reference, Digest($"{prefix}/out/model.safetensors"));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // The input in the store, and the factors by way of files.
    private async Task<(string Prefix, string Reference)> PrepareAsync()
    {
        string prefix = server.NewPrefix(), matrix = Path.Combine(_folder, "matrix.npy"), output = Path.Combine(_folder, "out");
        await File.WriteAllBytesAsync(matrix, HeavyTailedJob.Matrix(Rows, Columns));
        await ClusterLpProcess.RunAsync(ExitCode.Done, ["compress", matrix, .. Options, "--output", output, "--quiet"]);
        ObjectStores.Of(prefix).Put($"{prefix}/in/matrix.npy", await File.ReadAllBytesAsync(matrix));
        return (prefix, Digest(Path.Combine(output, "model.safetensors")));
    }

    private static string Digest(string path) => Convert.ToHexStringLower(SHA256.HashData(StoredFiles.Read(path, 1 << 30)!));
}
