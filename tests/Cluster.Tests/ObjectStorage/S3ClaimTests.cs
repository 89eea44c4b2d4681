using ClusterLp.Core;
using ClusterLp.Core.Formats.Output;
using ClusterLp.Core.Jobs.Checkpoints;
using ClusterLp.Core.Storage;
using ClusterLp.Storage.S3;

namespace ClusterLp.Cluster.Tests.ObjectStorage;

/// <summary>Who owns a job or an output in an S3 store, whatever becomes of the requests that ask for it.</summary>
[Collection(S3Server.Collection)]
public sealed class S3ClaimTests(S3Server server)
{
    private static readonly byte[] Big = [.. Enumerable.Range(0, 6_000_000).Select(i => (byte)(i * 31 ^ i >> 9))];

    [S3Fact]
    public void Of_coordinators_that_race_one_wins_though_its_answer_is_lost()
    {
        string job = server.NewPrefix();
        int lost = 0;
        server.Front.Misbehave = request => request.Method == "PUT" && request.Key.EndsWith("epochs/1", StringComparison.Ordinal) && Interlocked.Increment(ref lost) <= 2
            ? S3Fault.LostAnswer : S3Fault.None;
        var outcomes = new object[4];
        Parallel.For(0, outcomes.Length, new ParallelOptions { MaxDegreeOfParallelism = outcomes.Length }, i =>
        {
            try
            {
                outcomes[i] = EpochClaim.Take(job, TimeSpan.FromSeconds(30), CancellationToken.None);
            }
            catch (ClusterLpException e)
            {
                outcomes[i] = e;
            }
        });
        using EpochClaim winner = Assert.Single(outcomes.OfType<EpochClaim>());
        Assert.All(outcomes.OfType<ClusterLpException>(), e => Assert.Equal(ExitCode.Resumable, e.Code));
        winner.EnsureNewest();
        Assert.True(ObjectStores.Of(job).PutIfAbsent($"{job}/epochs/2", "{}"u8.ToArray()));
        Assert.Equal(ExitCode.Resumable, Assert.Throws<ClusterLpException>(winner.EnsureNewest).Code);
    }

    [S3Fact]
    public void A_store_that_ignores_conditions_is_refused()
    {
        string path = server.NewPrefix() + "/epochs/1";
        var refused = Assert.Throws<ClusterLpException>(() => new S3ObjectStore(server.Bare).PutIfAbsent(path, "{}"u8.ToArray()));
        Assert.Equal(ExitCode.Refused, refused.Code);
        Assert.Contains("If-None-Match", refused.Message);
        Assert.False(StoredFiles.Exists(path));
    }

    [S3Fact]
    public void An_output_is_complete_when_it_has_a_report_and_a_run_that_was_cut_off_is_gone_on_with()
    {
        string path = server.NewPrefix() + "/out";
        using (OutputDirectory first = Begin(path, "job", 1))
        {
            Assert.Equal(["clusterlp.partial"], StoredFiles.Names(path));
            // Its last word does not arrive, and then it is killed.
            server.Front.Misbehave = request => request.Method == "PUT" && request.Key.EndsWith("clusterlp.json", StringComparison.Ordinal) ? S3Fault.Denied : S3Fault.None;
            Assert.Equal(ExitCode.Refused, Assert.Throws<ClusterLpException>(first.Commit).Code);
        }
        server.Front.Misbehave = _ => S3Fault.None;
        Assert.Equal(["clusterlp.partial", "model.safetensors"], StoredFiles.Names(path).Order());
        Assert.Contains("job job", Assert.Throws<ClusterLpException>(() => Begin(path, "other", 1)).Message);
        using (OutputDirectory second = Begin(path, "job", 2))
            second.Commit();
        Assert.Equal(["clusterlp.json", "model.safetensors"], StoredFiles.Names(path).Order());
        Assert.Equal(Big, StoredFiles.Read($"{path}/model.safetensors", 1 << 30));
        Assert.Equal(ExitCode.CannotWrite, Assert.Throws<ClusterLpException>(() => Begin(path, "job", 3)).Code);
    }

    [S3Fact]
    public void An_output_that_is_not_committed_leaves_nothing_and_one_that_is_replaced_loses_its_report_first()
    {
        string path = server.NewPrefix() + "/out";
        Begin(path, "job", 1).Dispose();
        Assert.Empty(StoredFiles.Names(path));
        Assert.Empty(server.Front.OpenUploads);
        using (OutputDirectory old = Begin(path, "job", 2))
            old.Commit();
        int before = server.Front.Requests.Count;
        using (OutputDirectory next = OutputDirectory.Create(path, force: true, new OutputOwner("other", 1)))
        {
            Write(next, "other.safetensors");
            next.Commit();
        }
        string[] changes = [.. server.Front.Requests.Skip(before).Where(request => request.Method == "DELETE" || request.Method != "GET" && request.Query.Contains("uploadId")
            || request.Method == "PUT" && request.Query.Length == 0 || request.Query.StartsWith("?x-id=Put", StringComparison.Ordinal))
            .Select(request => $"{request.Method} {request.Key[(request.Key.LastIndexOf('/') + 1)..]}").Where(change => !change.StartsWith("PUT other", StringComparison.Ordinal))];
        Assert.Equal(["PUT clusterlp.partial", "DELETE clusterlp.json", "POST other.safetensors", "DELETE model.safetensors", "PUT clusterlp.json", "DELETE clusterlp.partial"], changes);
    }

    private static OutputDirectory Begin(string path, string job, long term)
    {
        OutputDirectory output = OutputDirectory.Create(path, force: false, new OutputOwner(job, term));
        Write(output, "model.safetensors");
        return output;
    }

    private static void Write(OutputDirectory output, string name)
    {
        using (Stream file = output.CreateFile(name))
        {
            file.Write(Big);
            file.Flush();
        }
        output.WriteFile(OutputDirectory.ReportName, "{}"u8);
    }
}
