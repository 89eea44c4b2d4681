using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests.Storage;

/// <summary>Real processes on disks that are full, read-only or failing, and on inputs that change under them.</summary>
public sealed class StorageFaultTests(HeavyTailedJob job) : IClassFixture<HeavyTailedJob>, IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("clusterlp-faults-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [SmallDiskFact]
    public async Task A_full_job_directory_ends_with_73_its_name_and_how_to_go_on()
    {
        using var disk = new SmallDisk(kib: 2048);
        string directory = Path.Combine(disk.Folder, "job"), output = Path.Combine(_folder, "out");
        string error = await FailAsync(ExitCode.CannotWrite, job.Model, output, [], "--job-dir", directory);
        Assert.Contains(directory, error);
        Assert.Contains("same command again", error);
        Assert.False(Directory.Exists(output));
    }

    [SmallDiskFact]
    public async Task A_full_disk_under_the_output_ends_with_73_and_leaves_no_output()
    {
        using var disk = new SmallDisk(kib: 1024);
        string output = Path.Combine(disk.Folder, "out");
        string error = await FailAsync(ExitCode.CannotWrite, job.Model, output, [], "--job-dir", Path.Combine(_folder, "job"));
        Assert.Contains(disk.Folder, error);
        Assert.False(Directory.Exists(output));
    }

    [SmallDiskFact]
    public async Task A_read_only_disk_under_the_output_ends_with_73()
    {
        using var disk = new SmallDisk(kib: 1024, readOnly: true);
        string error = await FailAsync(ExitCode.CannotWrite, job.Model, Path.Combine(disk.Folder, "out"), [], "--job-dir", Path.Combine(_folder, "job"));
        Assert.Contains(disk.Folder, error);
    }

    [Fact]
    public async Task An_input_that_cannot_be_read_ends_with_66_path_and_offset()
    {
        string error = await FailAsync(ExitCode.InputMissing, job.Model, Path.Combine(_folder, "out"), Failpoints("input.read=fail"));
        Assert.Contains(job.Model, error);
        Assert.Contains("at offset ", error);
    }

    [Fact]
    public async Task One_failed_read_costs_one_block_and_changes_nothing()
    {
        string output = Path.Combine(_folder, "out");
        using ClusterLpProcess process = Compress(job.Model, output, Failpoints("input.read=fail@40"));
        await process.ExpectAsync(ExitCode.Done);
        Assert.Equal(await job.ReferenceAsync(), new JobPaths(output, "").Digest());
    }

    [Fact]
    public async Task An_input_truncated_while_the_job_runs_ends_with_65()
    {
        string error = await ChangedMidwayAsync(file => file.SetLength(file.Length / 2));
        Assert.Contains("shrank", error);
    }

    [Fact]
    public async Task Bytes_changed_while_the_job_runs_end_it_with_65_the_tensor_and_the_rows()
    {
        const int row = 20 * HeavyTailedJob.BlockRows + 17;
        string error = await ChangedMidwayAsync(file =>
        {
            file.Position = file.Length + sizeof(float) * (row - HeavyTailedJob.Rows) * (long)HeavyTailedJob.Columns;
            file.Write(BitConverter.GetBytes(1.5f));
        });
        Assert.Contains("tensor \"changing\"", error);
        Assert.Contains($"rows {20 * HeavyTailedJob.BlockRows} to {21 * HeavyTailedJob.BlockRows - 1} ", error);
    }

    // The worker is held before its third block of the first refinement: rows from there on have been scanned, and are due again.
    private async Task<string> ChangedMidwayAsync(Action<FileStream> change)
    {
        string model = Path.Combine(_folder, "changing.npy"), output = Path.Combine(_folder, "out");
        File.Copy(job.Model, model);
        using ClusterLpProcess process = Compress(model, output, Failpoints("worker.block/refine-0/3=hold@1"));
        string marker = Path.Combine(_folder, "worker.block.refine-0.3.hold");
        await JobPaths.UntilAsync(() => File.Exists(marker) || process.HasEnded, "the worker to be held");
        using (FileStream file = new(model, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            change(file);
        File.Delete(marker);
        await process.ExpectAsync(ExitCode.BadInput);
        Assert.False(Directory.Exists(output));
        string error = await process.ErrorAsync();
        Assert.Contains(model, error);
        return error;
    }

    private async Task<string> FailAsync(ExitCode expected, string model, string output, Dictionary<string, string> environment, params string[] options)
    {
        using ClusterLpProcess process = Compress(model, output, environment, options);
        await process.ExpectAsync(expected);
        return await process.ErrorAsync();
    }

    // The job of the reference.
    private static ClusterLpProcess Compress(string model, string output, Dictionary<string, string> environment, params string[] options) => ClusterLpProcess.StartBy(
        [], environment, ["compress", model, "--compression", "0.3", "--p", "1", "--block-rows", "500", "--workers", "1", "--threads", "1", "--output", output, .. options]);

    private Dictionary<string, string> Failpoints(string rules) => new() { ["CLUSTERLP_FAILPOINTS"] = rules, ["CLUSTERLP_FAILPOINTS_DIR"] = _folder };
}
