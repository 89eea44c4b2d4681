using ClusterLp.Cluster.Tests;
using ClusterLp.Cluster.Tests.Faults;

namespace ClusterLp.Chaos;

/// <summary>Does to a job what a schedule says.</summary>
internal sealed class Havoc(Site site)
{
    /// <summary>Longer than a silent coordinator is waited for.</summary>
    private static readonly TimeSpan TakenOverWithin = TimeSpan.FromSeconds(60);

    private readonly List<(DateTime Due, Action Undo)> _undone = [];

    /// <summary>Coordinators that must have been turned away.</summary>
    public List<ClusterLpProcess> MustYield { get; } = [];

    /// <summary>Whether the input differs from what the job began with.</summary>
    public bool InputChanged { get; private set; }

    public async Task DoAsync(Disturbance disturbance)
    {
        Node? worker = site.Workers.Count == 0 ? null : site.Workers[(int)(disturbance.Pick * site.Workers.Count)];
        switch (disturbance.Deed)
        {
            case Deed.KillWorker:
                Kill(worker!);
                break;
            case Deed.KillAllWorkers:
                site.Workers.ForEach(Kill);
                break;
            case Deed.TerminateWorker:
                Terminate(worker!);
                break;
            case Deed.SuspendWorker:
                Suspend(worker!, disturbance.Seconds);
                break;
            case Deed.AddWorker:
                site.AddWorker();
                break;
            case Deed.KillCoordinator:
                Kill(site.Coordinator);
                break;
            case Deed.TerminateCoordinator:
                Terminate(site.Coordinator);
                break;
            case Deed.SuspendCoordinator:
                Suspend(site.Coordinator, disturbance.Seconds);
                break;
            case Deed.KillEverything:
                foreach (Node node in site.Nodes)
                    Kill(node);
                break;
            case Deed.SecondCoordinator:
                // One that is suspended may lose the job; then it is not the second that must yield.
                if (!site.Coordinator.Suspended && !site.Coordinator.Process.HasEnded && Directory.Exists(Path.Combine(site.JobDirectory, "checkpoints")))
                    await StartSecondAsync();
                break;
            case Deed.TakeOver:
                await TakeOverAsync();
                break;
            case Deed.FlipBlob:
                Damage.FlipBlob(site.JobDirectory, disturbance.Pick);
                break;
            case Deed.DeleteBlob:
                Damage.DeleteBlob(site.JobDirectory, disturbance.Pick);
                break;
            case Deed.KillAndTearJournal:
                KillAnd(Damage.TearJournal);
                break;
            case Deed.KillAndFlipSnapshot:
                KillAnd(Damage.FlipSnapshot);
                break;
            case Deed.KillAndFlipBlob:
                KillAnd(folder => Damage.FlipBlob(folder, disturbance.Pick));
                break;
            case Deed.KillAndSpoilJobFile:
                KillAnd(Damage.SpoilJobFile);
                break;
            case Deed.ChangeInput:
                Damage.Toggle(site.Model);
                InputChanged = true;
                break;
            case Deed.CutWorker:
                Cut(worker!, disturbance.Seconds);
                break;
            case Deed.CutCoordinator:
                Cut(site.Coordinator, disturbance.Seconds);
                break;
        }
    }

    /// <summary>Ends what has lasted long enough.</summary>
    public void Undo()
    {
        foreach ((DateTime due, Action undo) in _undone.Where(entry => entry.Due <= DateTime.UtcNow).ToList())
        {
            _undone.RemoveAll(entry => entry.Due == due && entry.Undo == undo);
            undo();
        }
    }

    public void RestoreInput()
    {
        Damage.Toggle(site.Model);
        InputChanged = false;
    }

    private static void Kill(Node node)
    {
        if (node.Process.HasEnded)
            return;
        node.Process.Kill();
        node.Process.WaitForEnd();
    }

    private void KillAnd(Action<string> damage)
    {
        Kill(site.Coordinator);
        damage(site.JobDirectory);
    }

    private static void Terminate(Node node)
    {
        if (!node.Process.HasEnded)
            node.Process.Signal(ClusterLpProcess.Terminate);
    }

    private void Suspend(Node node, double seconds)
    {
        ClusterLpProcess process = node.Process;
        if (process.HasEnded)
            return;
        process.Signal(ClusterLpProcess.Stop);
        node.Suspended = true;
        _undone.Add((DateTime.UtcNow.AddSeconds(seconds), () =>
        {
            if (process.HasEnded)
                return;
            process.Signal(ClusterLpProcess.Continue);
            if (node.Process == process)
                node.Suspended = false;
        }));
    }

    private void Cut(Node node, double seconds)
    {
        site.Lab!.Cut(node.Home!);
        _undone.Add((DateTime.UtcNow.AddSeconds(seconds), () => site.Lab.Heal(node.Home!)));
    }

    private async Task StartSecondAsync()
    {
        int port = site.Port;
        site.Port = ClusterLpProcess.FreePort();
        ClusterLpProcess second = site.StartRival();
        site.Port = port;
        for (DateTime end = DateTime.UtcNow + TakenOverWithin; !second.HasEnded && !site.Coordinator.Process.HasEnded && DateTime.UtcNow < end;)
            await Task.Delay(20);
        if (second.HasEnded)
            MustYield.Add(second);
        else
            second.Kill();
    }

    // The first still holds its port.
    private async Task TakeOverAsync()
    {
        ClusterLpProcess first = site.Coordinator.Process;
        if (first.HasEnded)
            return;
        int epochs = Epochs();
        first.Signal(ClusterLpProcess.Stop);
        site.Port = ClusterLpProcess.FreePort();
        site.Start(site.Coordinator);
        foreach (Node worker in site.Workers)
        {
            Kill(worker);
            site.Start(worker);
        }
        for (DateTime end = DateTime.UtcNow + TakenOverWithin; Epochs() == epochs && !site.Coordinator.Process.HasEnded && DateTime.UtcNow < end;)
            await Task.Delay(20);
        first.Signal(ClusterLpProcess.Continue);
        if (Epochs() > epochs)
            MustYield.Add(first);
    }

    private int Epochs()
    {
        string folder = Path.Combine(site.JobDirectory, "epochs");
        return Directory.Exists(folder) ? Directory.GetFiles(folder).Count(path => !path.EndsWith(".alive", StringComparison.Ordinal)) : 0;
    }
}
