using System.Text;
using System.Text.Json.Nodes;
using ClusterLp.Core;

namespace ClusterLp.Cluster.Tests.Faults;

/// <summary>What can befall a job.</summary>
internal static class Fault
{
    /// <summary>The failpoint itself is the fault.</summary>
    public static Task None(FaultRun run) => Task.CompletedTask;

    public static Task KillWorker(FaultRun run)
    {
        run.Workers[0].Kill();
        run.Workers[0] = run.StartWorker(2);
        return Task.CompletedTask;
    }

    public static async Task KillAllWorkers(FaultRun run)
    {
        foreach (ClusterLpProcess worker in run.Workers)
            worker.Kill();
        await Task.Delay(1000);
        run.Workers.Clear();
        run.Workers.AddRange([run.StartWorker(2), run.StartWorker(3)]);
    }

    /// <summary>SIGTERM; it finishes the block it is about to compute.</summary>
    public static async Task TerminateWorker(FaultRun run)
    {
        run.Workers[0].Signal(ClusterLpProcess.Terminate);
        run.Release();
        await run.Workers[0].ExpectAsync(ExitCode.Interrupted);
    }

    /// <summary>SIGSTOP until it has been given up, then SIGCONT: it must find out, and join again.</summary>
    public static async Task SuspendWorker(FaultRun run)
    {
        run.Workers[0].Signal(ClusterLpProcess.Stop);
        await GivenUpAsync(run, workers: 1);
        run.Workers[0].Signal(ClusterLpProcess.Continue);
    }

    /// <summary>Does not let the worker go on until the job is over: an idle one must take its block as well.</summary>
    public static Task HangWorker(FaultRun run) => JobPaths.UntilAsync(() => run.Coordinator.HasEnded, "the job to end without the worker that hangs");

    /// <summary>Starts workers in the place of those that die, as a supervisor does, until the job gives up.</summary>
    public static async Task RestartWorkers(FaultRun run)
    {
        while (!run.Coordinator.HasEnded)
        {
            for (int i = 0; i < run.Workers.Count; i++)
                if (run.Workers[i].HasEnded)
                    run.Workers[i] = run.StartWorker(i);
            await Task.Delay(50);
        }
    }

    /// <summary>SIGKILL; started again by the same command.</summary>
    public static Task KillCoordinator(FaultRun run) => KillCoordinator(run, _ => { });

    /// <summary>SIGTERM; started again by the same command.</summary>
    public static async Task TerminateCoordinator(FaultRun run)
    {
        run.Coordinator.Signal(ClusterLpProcess.Terminate);
        run.Release();
        await run.Coordinator.ExpectAsync(ExitCode.Interrupted);
        run.Calm();
        run.Coordinator = run.StartCoordinator();
    }

    /// <summary>The machine fails: all processes at once.</summary>
    public static async Task KillEverything(FaultRun run)
    {
        foreach (ClusterLpProcess worker in run.Workers)
            worker.Kill();
        await KillCoordinator(run);
        run.Workers.Clear();
        run.Workers.AddRange([run.StartWorker(2), run.StartWorker(3)]);
    }

    /// <summary>SIGSTOP; another coordinator takes the job over, finishes it, and the first wakes up to nothing.</summary>
    public static Task TakeOver(FaultRun run) => TakeOver(run, withItsWorkers: false);

    /// <summary>The same, and its workers are gone when it wakes up.</summary>
    public static Task TakeOverWithWorkers(FaultRun run) => TakeOver(run, withItsWorkers: true);

    private static async Task TakeOver(FaultRun run, bool withItsWorkers)
    {
        ClusterLpProcess first = run.Coordinator;
        first.Signal(ClusterLpProcess.Stop);
        run.Calm();
        int port = ClusterLpProcess.FreePort();
        run.Coordinator = run.StartCoordinator(port);
        if (withItsWorkers)
        {
            foreach (ClusterLpProcess worker in run.Workers)
                worker.Kill();
            run.Workers.Clear();
        }
        run.Workers.Add(run.StartWorker(2, port));
        await run.Coordinator.ExpectAsync(ExitCode.Done);
        first.Signal(ClusterLpProcess.Continue);
        run.Release();
        await first.ExpectAsync(ExitCode.Resumable);
        Assert.Contains("has taken this job over", await first.ErrorAsync());
    }

    /// <summary>A second coordinator on the same job is turned away.</summary>
    public static Task SecondCoordinator(FaultRun run) => run.ExpectCoordinatorAsync(ExitCode.Resumable, "is running this job");

    /// <summary>One bit of a file of the job directory flips, in its middle.</summary>
    public static Func<FaultRun, Task> Flip(string pattern) => run =>
    {
        Damage.Flip(run.JobFile(pattern), null);
        return Task.CompletedTask;
    };

    public static Func<FaultRun, Task> Delete(string pattern) => run =>
    {
        File.Delete(run.JobFile(pattern));
        return Task.CompletedTask;
    };

    /// <summary>SIGKILL, damage to what lies there, and the same command again.</summary>
    public static Func<FaultRun, Task> KillCoordinatorAnd(Action<FaultRun> damage) => run => KillCoordinator(run, damage);

    public static void TearJournal(FaultRun run)
    {
        Assert.NotNull(Damage.Newest(run.Paths.JobDirectory, "*.journal"));
        Damage.TearJournal(run.Paths.JobDirectory);
    }

    public static void FlipSnapshot(FaultRun run)
    {
        Assert.NotNull(Damage.Newest(run.Paths.JobDirectory, "*.snapshot"));
        Damage.FlipSnapshot(run.Paths.JobDirectory);
    }

    public static void SpoilJobFile(FaultRun run)
    {
        Assert.True(File.Exists(Path.Combine(run.Paths.JobDirectory, "job.json")));
        Damage.SpoilJobFile(run.Paths.JobDirectory);
    }

    public static void FlipBlobOf(FaultRun run, string pattern) => Damage.Flip(run.JobFile(pattern), null);

    /// <summary>An entry of the input's last row changes.</summary>
    public static Task ChangeInput(FaultRun run)
    {
        Damage.Toggle(run.Model);
        return Task.CompletedTask;
    }

    public static Task RestoreInput(FaultRun run) => ChangeInput(run);

    /// <summary>SIGKILL; the same job directory with another rank.</summary>
    public static async Task OtherParameters(FaultRun run)
    {
        run.Coordinator.Kill();
        run.Release();
        run.Calm();
        string file = Path.Combine(Path.GetDirectoryName(run.Paths.Output)!, Path.GetFileName(run.Paths.Output) + ".json"), text = await File.ReadAllTextAsync(file);
        JsonNode job = JsonNode.Parse(text)!;
        job["compression"] = 0.4;
        await File.WriteAllTextAsync(file, job.ToJsonString());
        await run.ExpectCoordinatorAsync(ExitCode.BadInput, "compression is 0.3 there and 0.4 here");
        await File.WriteAllTextAsync(file, text);
        run.Coordinator = run.StartCoordinator();
    }

    /// <summary>A worker's cable is pulled until it has been given up, then plugged in again.</summary>
    public static async Task CutWorker(FaultRun run)
    {
        (var lab, var nodes) = run.Network;
        lab.Cut(nodes[1]);
        run.Release();
        await run.Workers[0].UntilItSaysAsync(NodeIsAlone);
        await GivenUpAsync(run, workers: 1);
        lab.Heal(nodes[1]);
    }

    public static async Task CutCoordinator(FaultRun run)
    {
        (var lab, var nodes) = run.Network;
        lab.Cut(nodes[0]);
        run.Release();
        foreach (ClusterLpProcess worker in run.Workers)
            await worker.UntilItSaysAsync(NodeIsAlone);
        await GivenUpAsync(run, run.Workers.Count);
        lab.Heal(nodes[0]);
    }

    private const string NodeIsAlone = "lost the coordinator", WorkerIsGone = "is gone";

    /// <summary>Waits until the coordinator has given workers up; or has finished the job without them, for their blocks get second copies.</summary>
    private static Task GivenUpAsync(FaultRun run, int workers) => JobPaths.UntilAsync(
        () => run.Coordinator.HasEnded || run.Coordinator.Said().Split(WorkerIsGone).Length > workers, "the workers to be given up", run.Coordinator.Said);

    private static Task KillCoordinator(FaultRun run, Action<FaultRun> damage)
    {
        run.Coordinator.Kill();
        run.Coordinator.WaitForEnd();
        run.Release();
        damage(run);
        run.Calm();
        run.Coordinator = run.StartCoordinator();
        return Task.CompletedTask;
    }
}
