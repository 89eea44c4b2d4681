using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests.Security;

/// <summary>What it takes to listen where other machines can reach.</summary>
public sealed class AddressTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("clusterlp-address-").FullName;

    private string Job(string model)
    {
        string path = Path.Combine(_folder, "job.json");
        File.WriteAllText(path, $$"""{"model": "{{model}}", "output": "{{_folder}}/out", "rank": 1}""");
        return path;
    }

    [Fact]
    public async Task Without_tls_it_is_refused_with_the_remedy()
    {
        using ClusterLpProcess coordinator = ClusterLpProcess.Start("coordinator", "--job", Job(Matrix()), "--listen", "0.0.0.0:0", "--root", _folder);
        await coordinator.ExpectAsync(ExitCode.Refused);
        string said = await coordinator.ErrorAsync();
        Assert.Contains("clusterlp certs", said);
        Assert.Contains("--insecure", said);
    }

    [Fact]
    public async Task An_insecure_coordinator_says_what_is_not_protected()
    {
        using ClusterLpProcess coordinator = ClusterLpProcess.Start("coordinator", "--job", Job(Matrix()), "--listen", "0.0.0.0:0", "--root", _folder, "--insecure");
        await coordinator.UntilItSaysAsync("listening on");
        Assert.Contains("WRN --insecure: connections of 0.0.0.0 are neither encrypted nor authenticated", coordinator.Said());
    }

    [Fact]
    public async Task A_coordinator_that_listens_everywhere_goes_by_the_name_it_is_given()
    {
        using ClusterLpProcess coordinator = ClusterLpProcess.Start("coordinator", "--job", Job(Matrix()), "--job-dir", _folder + "/job",
            "--listen", "0.0.0.0:0", "--host", "localhost", "--serve-blobs", "0.0.0.0:0", "--root", _folder, "--insecure");
        await coordinator.UntilItSaysAsync("listening on localhost:");
        Assert.Contains("serving blobs at http://localhost:", coordinator.Said());
        string address = (await File.ReadAllTextAsync(_folder + "/job/coordinator.address")).Trim();
        using ClusterLpProcess worker = ClusterLpProcess.Start("worker", "--coordinator", address, "--listen", "127.0.0.1:0", "--host", "localhost", "--root", _folder);
        await coordinator.ExpectAsync(ExitCode.Done);
        await worker.ExpectAsync(ExitCode.Done);
    }

    [Fact]
    public async Task A_job_may_not_lead_out_of_the_current_folder_unless_roots_say_so()
    {
        using ClusterLpProcess coordinator = ClusterLpProcess.Start("coordinator", "--job", Job(Matrix()), "--listen", "0.0.0.0:0", "--insecure");
        await coordinator.ExpectAsync(ExitCode.Refused);
        Assert.Contains("lies outside the folders this process may use", await coordinator.ErrorAsync());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // 8 x 4 float32.
    private string Matrix()
    {
        string path = Path.Combine(_folder, "m.npy"), header = "{'descr': '<f4', 'fortran_order': False, 'shape': (8, 4), }".PadRight(117) + "\n";
        File.WriteAllBytes(path, [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. System.Text.Encoding.ASCII.GetBytes(header), .. new byte[128]]);
        return path;
    }
}
