using System.Globalization;

namespace ClusterLp.Chaos;

/// <summary>Draws schedules.</summary>
internal static class Draw
{
    private static readonly Deed[] ToWorkers = [Deed.KillWorker, Deed.KillAllWorkers, Deed.TerminateWorker, Deed.SuspendWorker, Deed.AddWorker];

    private static readonly Deed[] ToAnyJob =
    [
        Deed.KillCoordinator, Deed.TerminateCoordinator, Deed.SuspendCoordinator, Deed.KillEverything, Deed.SecondCoordinator,
        Deed.FlipBlob, Deed.DeleteBlob, Deed.KillAndTearJournal, Deed.KillAndFlipSnapshot, Deed.KillAndFlipBlob, Deed.KillAndSpoilJobFile,
    ];

    /// <param name="seed">Of everything in it.</param>
    /// <param name="network">Whether network namespaces can be used.</param>
    public static Schedule From(int seed, bool network)
    {
        var random = new Random(seed);
        ChaosJob job = Job(random);
        // The draw comes first, so that a seed gives the same job and faults as far as the machine allows.
        Place place = random.Next(6) switch { 0 => Place.Embedded, 1 => Place.Network, _ => Place.Loopback };
        place = place == Place.Network && !network ? Place.Loopback : place;
        var cluster = new ChaosCluster(
            place, [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => random.Next(1, 4))],
            Tls: random.Next(3) == 0 && place == Place.Loopback, Served: random.Next(3) == 0 && place != Place.Embedded);
        return new Schedule(seed, job, cluster, [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => Disturbance(random, job, cluster))]);
    }

    private static ChaosJob Job(Random random)
    {
        var options = new Dictionary<string, object> { ["compression"] = 0.3, ["block-rows"] = 500, ["p"] = Any(random, 1.0, 1.25, 1.5) };
        (options["method"], options["fit"], string[] stages) = random.Next(8) switch
        {
            0 => ("svd", "coreset", ["scan", "factorise"]),
            1 => ("lewis", "coreset", ["scan", "lewis-0", "factorise"]),
            2 => ("lp", "exact", ["scan", "refine-0", "refine-1", "factorise"]),
            3 => ("lp", "joint", ["scan", "refine-0", "joint-0", "joint-1", "joint-20", "factorise"]),
            _ => ("lp", "coreset", new[] { "scan", "lewis-0", "coreset", "refine-0", "factorise" }),
        };
        return new ChaosJob(options, stages);
    }

    private static Disturbance Disturbance(Random random, ChaosJob job, ChaosCluster cluster)
    {
        bool embedded = cluster.Place == Place.Embedded;
        bool worker = !embedded && random.Next(2) == 0;
        int node = worker ? random.Next(cluster.Threads.Length) + 1 : 0, life = random.Next(4) == 0 ? 1 : 0;
        string stage = job.Stages[random.Next(job.Stages.Length)];
        string at = worker ? WorkerMoment(random, stage) : CoordinatorMoment(random, stage);
        Deed deed = AnyDeed(random, cluster, stage);
        double after = 1 + 9 * random.NextDouble(), seconds = 1 + 19 * random.NextDouble(), pick = random.NextDouble();
        return random.Next(3) switch
        {
            0 => new(node, life, Misbehaviour(random, worker, embedded, at), 0, null, 0, 0),
            1 => new(node, life, at.Replace("=*", "=hold", StringComparison.Ordinal), 0, deed, seconds, pick),
            _ => new(node, 0, null, after, deed == Deed.ChangeInput ? Deed.KillEverything : deed, seconds, pick),
        };
    }

    // Only where the scan is over is it clear what the right result is.
    private static Deed AnyDeed(Random random, ChaosCluster cluster, string stage)
    {
        List<Deed> deeds = [.. ToAnyJob];
        if (stage != "scan")
            deeds.Add(Deed.ChangeInput);
        if (cluster.Place != Place.Embedded)
            deeds.AddRange([.. ToWorkers, Deed.TakeOver]);
        if (cluster.Place == Place.Network)
            deeds.AddRange([Deed.CutWorker, Deed.CutWorker, Deed.CutWorker, Deed.CutCoordinator, Deed.CutCoordinator, Deed.CutCoordinator]);
        return deeds[random.Next(deeds.Count)];
    }

    private static string WorkerMoment(Random random, string stage) =>
        string.Create(CultureInfo.InvariantCulture, $"{Any(random, "worker.block", "worker.report")}/{stage}=*@{random.Next(1, 4)}");

    private static string CoordinatorMoment(Random random, string stage) => random.Next(8) switch
    {
        0 => "output.assemble=*@1",
        1 => "output.commit=*@1",
        2 => "coordinator.claim=*@1",
        3 => $"coordinator.reduce/{(stage == "factorise" ? "scan" : stage)}=*@1",
        4 => $"coordinator.reduced/{(stage == "factorise" ? "scan" : stage)}=*@1",
        5 or 6 => string.Create(CultureInfo.InvariantCulture, $"coordinator.commit/{stage}=*@{random.Next(1, 12)}"),
        _ => string.Create(CultureInfo.InvariantCulture, $"coordinator.committed/{stage}=*@{random.Next(1, 12)}"),
    };

    private static string Misbehaviour(Random random, bool worker, bool embedded, string moment)
    {
        int n = random.Next(1, 12);
        string[] here = [moment.Replace("=*", "=kill", StringComparison.Ordinal), $"blob.read={Any(random, "flip", "short", "fail")}@{n}"];
        string[] workers = [$"blob.write={Any(random, "flip", "short", "fail", "full")}@{n}", $"input.read=fail@{n}", $"worker.block=fail@{n}", $"worker.block=delay:{random.Next(4, 12)}000@{n}"];
        string[] coordinators = [$"checkpoint.write={Any(random, "flip", "short", "fail", "full")}@{n}", $"checkpoint.read={Any(random, "flip", "short", "fail")}@1", $"output.write={Any(random, "fail", "full")}@1"];
        string[] all = [.. here, .. worker || embedded ? workers : [], .. worker ? [] : coordinators];
        return all[random.Next(all.Length)];
    }

    private static T Any<T>(Random random, params T[] choices) => choices[random.Next(choices.Length)];
}
