using System.Security.Cryptography;
using System.Text.Json;
using ClusterLp.Cluster.Tests.Security;
using ClusterLp.Core;
using ClusterLp.Core.Storage;

namespace ClusterLp.Cluster.Tests.ObjectStorage;

/// <summary>A cluster under TLS whose input, job state and output are objects: what TLS closes must not keep it from the store.</summary>
[Collection(S3Server.Collection)]
public sealed class S3ClusterTlsTests(S3Server server, HeavyTailedJob job) : IClassFixture<HeavyTailedJob>
{
    [S3Fact]
    public async Task Nodes_with_certificates_reach_the_store_and_give_the_bytes_of_one_process()
    {
        string prefix = server.NewPrefix(), file = Path.ChangeExtension(job.Model, ".s3.json"), address = $"127.0.0.1:{ClusterLpProcess.FreePort()}";
        using var authority = new TestAuthority();
        ObjectStores.Of(prefix).Put(prefix + "/matrix.npy", await File.ReadAllBytesAsync(job.Model));
        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["model"] = prefix + "/matrix.npy", ["output"] = prefix + "/out", ["job-dir"] = prefix + "/job", ["compression"] = 0.3, ["p"] = 1,
            ["block-rows"] = HeavyTailedJob.BlockRows,
        }));
        using ClusterLpProcess coordinator = ClusterLpProcess.Start(["coordinator", "--job", file, "--listen", address, "--root", prefix, .. authority.Options]);
        using ClusterLpProcess worker = ClusterLpProcess.Start(["worker", "--coordinator", address, "--root", prefix, .. authority.Options]);
        await coordinator.ExpectAsync(ExitCode.Done);
        await worker.ExpectAsync(ExitCode.Done);
        Assert.Equal(await job.ReferenceAsync(), Convert.ToHexStringLower(SHA256.HashData(StoredFiles.Read(prefix + "/out/model.safetensors", int.MaxValue)!)));
    }
}
