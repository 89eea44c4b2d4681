using System.Diagnostics;
using ClusterLp.Cli.Running;
using ClusterLp.Core;
using ClusterLp.Core.Formats;
using ClusterLp.Core.Jobs;
using ClusterLp.Core.Reporting;

namespace ClusterLp.Cli.Tests;

public sealed class StatusTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static JobProgress Progress(StageKind stage, int round, double share) => new(
        [new TensorProgress("w", new StageId(stage, round), (int)(share * 32), 32, false, share)], 2, 70, 1) { Speculative = 3, Members = [new WorkerProgress("a-1", 4, 3, 50), new WorkerProgress("b-2", 1, 1, 20)] };

    private static JobStatus Status(JobProcess process, JobPhase phase = JobPhase.Fitting) => new()
    {
        JobId = "abc", Phase = phase, Input = "m.npy", Output = "out", Process = process, Updated = DateTime.UtcNow, ElapsedSeconds = 61,
        RemainingSeconds = 30, RowsPerSecond = 41200, Share = 0.25, Progress = Progress(StageKind.Lewis, 1, 0.5), Error = phase == JobPhase.Failed ? "the disk is full" : null,
    };

    private async Task<string> ShowAsync(JobStatus status, params string[] more)
    {
        JobStatusFile.Write(_folder.Root, status);
        CommandLine run = await CommandLine.RunAsync(["status", "--job-dir", _folder.Root, .. more]);
        Assert.Equal(ExitCode.Done, run.Code);
        return string.Join(' ', run.Out.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task A_running_job_shows_stage_blocks_and_remaining_time()
    {
        string text = await ShowAsync(Status(JobProcess.Current()));
        Assert.Contains("job abc: running", text);
        Assert.Contains("1:01 min elapsed, about 30 s left", text);
        Assert.Contains("w Lewis round 2 16/32 50.0 %", text);
        Assert.Contains("2 workers, 70 blocks committed, 41.2k rows/s, 1 retry, 3 speculative copies.", text);
        Assert.Contains("a-1 4 3 50", text);
        Assert.Contains("b-2 1 1 20", text);
    }

    [Fact]
    public async Task Watching_writes_a_line_a_snapshot_until_the_job_is_over()
    {
        JobStatusFile.Write(_folder.Root, Status(JobProcess.Current()));
        var written = new StringWriter();
        Task<int> watching = Application.RunAsync(
            ["status", "--job-dir", _folder.Root, "--watch", "--every", "1s"], new Terminal(CommandLine.Console(written, 200), CommandLine.Console(new StringWriter())), default);
        while (written.ToString().Length == 0)
            await Task.Delay(5);
        JobStatusFile.Write(_folder.Root, Status(JobProcess.Current(), JobPhase.Done));
        Assert.Equal(0, await watching);
        string[] lines = written.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.Equal("job abc: running, 25.0 % done, 2 workers, 70 blocks committed, 41.2k rows/s, 1 retry, 3 speculative copies, about 30 s left", lines[0]);
        Assert.StartsWith("job abc: done", lines[^1]);
    }

    [Fact]
    public async Task A_process_that_is_gone_is_told_from_a_new_one_of_the_same_number()
    {
        JobProcess gone = JobProcess.Current() with { Started = DateTime.UtcNow.AddDays(-1) };
        Assert.Contains("its process is gone", await ShowAsync(Status(gone)));
        Assert.Contains("on another machine", await ShowAsync(Status(JobProcess.Current() with { Host = "elsewhere" })));
    }

    [Fact]
    public void A_process_that_has_ended_is_not_alive()
    {
        using Process process = Process.Start(new ProcessStartInfo("sleep", "60"))!;
        var ended = new JobProcess(Environment.MachineName, process.Id, process.StartTime.ToUniversalTime());
        Assert.True(ended.IsAlive());
        process.Kill();
        process.WaitForExit();
        Assert.False(ended.IsAlive());
        Assert.True(JobProcess.Current().IsAlive());
    }

    [Fact]
    public void A_process_may_end_while_it_is_looked_at()
    {
        for (int i = 0; i < 25; i++)
        {
            using Process process = Process.Start(new ProcessStartInfo("sleep", "0.02"))!;
            var ending = new JobProcess(Environment.MachineName, process.Id, DateTime.UtcNow);
            while (ending.IsAlive() == true)
            {
            }
            process.WaitForExit();
            Assert.False(ending.IsAlive());
        }
    }

    [Fact]
    public async Task A_failed_job_says_why_even_after_its_process_ended()
    {
        JobProcess gone = JobProcess.Current() with { Started = DateTime.UtcNow.AddDays(-1) };
        Assert.Contains("failed: the disk is full", await ShowAsync(Status(gone, JobPhase.Failed)));
        Assert.Contains("\"alive\": false", await ShowAsync(Status(gone, JobPhase.Failed), "--json"));
    }

    [Theory]
    [InlineData(Fit.Coreset)]
    // The scan decides on the coreset: its stages are not foreseen.
    [InlineData(Fit.Auto)]
    public void The_share_of_the_work_rises_through_the_stages_and_ends_at_one(Fit fit)
    {
        var tensor = new TensorPlan
        {
            Index = 0, Name = "w", Rows = 50000, Columns = 768, InputType = ElementType.F32, FactorType = ElementType.F32, BlockRows = 1600,
            Rank = 544, P = 1.5, Method = Method.Lp, Fit = fit, Seed = 0, Input = "m",
        };
        var work = new WorkEstimate(new JobPlan(new JobId("x"), new JobSpec { Input = "m", Output = "o" }, [tensor], []));
        (StageKind Kind, int Round)[] stages =
        [
            (StageKind.Scan, 0), (StageKind.Lewis, 0), (StageKind.Lewis, 1), (StageKind.Lewis, 2), (StageKind.Coreset, 0), (StageKind.Refine, 0),
            (StageKind.Refine, 1), (StageKind.Refine, 5), (StageKind.Factorise, 0), (StageKind.Done, 0),
        ];
        double last = -1;
        foreach ((StageKind kind, int round) in stages)
            foreach (double share in kind == StageKind.Done ? new[] { 0.0 } : [0, 0.5, 0.99])
            {
                double now = work.ShareDone(Progress(kind, round, share));
                Assert.True(now >= last - 0.2, $"{kind} {round} {share}: {now} after {last}");
                Assert.True(kind == StageKind.Scan || now > 0, $"{kind} {round} comes after the scan");
                Assert.InRange(now, 0, 1);
                last = now;
            }
        Assert.Equal(1, last);
        // The regression of U is most of the work.
        Assert.InRange(work.ShareDone(Progress(StageKind.Factorise, 0, 0)), 0.1, 0.5);
    }
}
