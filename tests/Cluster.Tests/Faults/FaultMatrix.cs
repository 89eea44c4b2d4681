using ClusterLp.Core;
using static ClusterLp.Cluster.Tests.Faults.Ending;

namespace ClusterLp.Cluster.Tests.Faults;

/// <summary>
/// What is promised: whatever is killed, cut off, filled up or corrupted, the job ends with the bytes of an undisturbed run,
/// or stops with a named error, without output, and goes on from what it had when it is started again.
/// </summary>
internal static class FaultMatrix
{
    private const ExitCode Full = ExitCode.CannotWrite, Again = ExitCode.Resumable, Bad = ExitCode.BadInput;

    public static readonly FaultRow[] Workers =
    [
        new("a worker is killed in the scan", Moment.Block("scan"), Fault.KillWorker, SameBytes),
        new("a worker is killed between writing and reporting a Lewis block", Moment.Written("lewis-0"), Fault.KillWorker, SameBytes),
        new("a worker is killed while it draws a coreset", Moment.Block("coreset"), Fault.KillWorker, SameBytes),
        new("a worker is killed between writing and reporting a block of U", Moment.Written("factorise"), Fault.KillWorker, SameBytes),
        new("a worker is told to stop in a refine round", Moment.Block("refine-0"), Fault.TerminateWorker, SameBytes),
        new("all workers are killed in a refine round, and others come", Moment.Block("refine-0"), Fault.KillAllWorkers, SameBytes),
        new("a worker is suspended until it is given up, and wakes", Moment.Block("factorise"), Fault.SuspendWorker, SameBytes),
        new("a worker hangs with the last blocks of a Lewis round", Moment.Block("lewis-0"), Fault.HangWorker, SameBytes),
        new("a block kills every worker that computes it", new(Who.EveryWorker, "worker.block/refine-0/7=kill"), Fault.RestartWorkers,
            Stops(Again, "refine-0, block 7 (rows from 3500) failed")),
        new("a block fails on every worker", new(Who.EveryWorker, "worker.block/lewis-0/7=fail"), Fault.None,
            Stops(ExitCode.Internal, "lewis-0, block 7 (rows from 3500) failed")),
    ];

    public static readonly FaultRow[] Coordinator =
    [
        new("the coordinator is killed as it claims the job", Moment.Claimed, Fault.KillCoordinator, SameBytes),
        new("the coordinator is killed before it records a scan block", Moment.Commit("scan"), Fault.KillCoordinator, SameBytes),
        new("the coordinator is killed after it records a Lewis block", Moment.Committed("lewis-0"), Fault.KillCoordinator, SameBytes),
        new("the coordinator is killed before the coresets are merged", Moment.Reduce("coreset"), Fault.KillCoordinator, SameBytes),
        new("the coordinator is killed after the coresets are merged, before that is recorded", Moment.Reduced("coreset"), Fault.KillCoordinator, SameBytes),
        new("the coordinator is told to stop in a refine round", Moment.Commit("refine-0"), Fault.TerminateCoordinator, SameBytes),
        new("the coordinator is killed after it records a block of U", Moment.Committed("factorise"), Fault.KillCoordinator, SameBytes),
        new("the coordinator is killed as it begins to write the output", Moment.Assemble, Fault.KillCoordinator, SameBytes),
        new("the coordinator is killed before the output gets its name", Moment.Publish, Fault.KillCoordinator, SameBytes),
        new("everything is killed in a refine round", Moment.Commit("refine-0"), Fault.KillEverything, SameBytes),
    ];

    public static readonly FaultRow[] JointFit =
    [
        new("a worker is killed between two joint rounds", Moment.Block("joint-23"), Fault.KillWorker, SameBytes) { Joint = true },
        new("a worker is killed between writing and reporting a joint block", Moment.Written("joint-5"), Fault.KillWorker, SameBytes) { Joint = true },
        new("the coordinator is killed in a joint round", Moment.Commit("joint-25", 3), Fault.KillCoordinator, SameBytes) { Joint = true },
        new("everything is killed in a joint round", Moment.Commit("joint-20", 3), Fault.KillEverything, SameBytes) { Joint = true },
    ];

    public static readonly FaultRow[] TwoCoordinators =
    [
        new("the coordinator is suspended, another takes over, and the first wakes", Moment.Commit("lewis-0"), Fault.TakeOver, SameBytes),
        new("the coordinator is suspended, another takes over with all workers, and the first wakes", Moment.Committed("refine-0"),
            Fault.TakeOverWithWorkers, SameBytes),
        new("the coordinator is suspended before the output gets its name, and another publishes it", Moment.Publish, Fault.TakeOver, SameBytes),
        new("a second coordinator is started", Moment.Commit("refine-0"), Fault.SecondCoordinator, SameBytes),
    ];

    public static readonly FaultRow[] Damages =
    [
        new("a bit of a Lewis block flips before it is reduced", Moment.Reduce("lewis-0"), Fault.Flip("blobs/t0/lewis-0/*"), SameBytes),
        new("a bit of a coreset flips before the merge", Moment.Reduce("coreset"), Fault.Flip("blobs/t0/coreset/*"), SameBytes),
        new("a scan block is deleted before it is reduced", Moment.Reduce("scan"), Fault.Delete("blobs/t0/scan/*"), SameBytes),
        new("a bit of the basis flips while blocks need it", Moment.Commit("refine-0", 1), Fault.Flip("blobs/t0/coreset/reduced*/basis"), SameBytes),
        new("a bit of a committed block of U flips before the output is written", Moment.Assemble, Fault.Flip("blobs/t0/factorise/*"),
            Stops(Again, "its contents do not match its checksum")),
        new("a bit of the newest snapshot flips while the coordinator is down", Moment.Commit("factorise"),
            Fault.KillCoordinatorAnd(Fault.FlipSnapshot), SameBytes),
        new("the journal's end is torn while the coordinator is down", Moment.Committed("refine-0"),
            Fault.KillCoordinatorAnd(Fault.TearJournal), SameBytes),
        new("job.json is damaged while the coordinator is down", Moment.Committed("refine-0"),
            Fault.KillCoordinatorAnd(Fault.SpoilJobFile), SameBytes),
        new("a committed block of U flips while the coordinator is down", Moment.Committed("factorise"),
            Fault.KillCoordinatorAnd(run => Fault.FlipBlobOf(run, "blobs/t0/factorise/*")), SameBytes),
    ];

    public static readonly FaultRow[] Disks =
    [
        new("a worker's disk is full", new(Who.EveryWorker, "blob.write/t0/refine-0=full"), Fault.None, Stops(Full, "No space left")),
        new("the coordinator's disk is full for a checkpoint", new(Who.Coordinator, "checkpoint.write=full@9"), Fault.None, Stops(Full, "No space left")),
        new("the output's disk is full", new(Who.Coordinator, "output.write=full@1"), Fault.None, Stops(Full, "No space left")),
        new("a checkpoint fails half way", new(Who.Coordinator, "checkpoint.write=fail@7"), Fault.None, Stops(Full, "checkpoint cannot be written")),
        new("the input's disk fails on every worker", new(Who.EveryWorker, "input.read=fail@9+"), Fault.None, Stops(ExitCode.InputMissing, "matrix.npy")),
        new("a worker's read of the input fails once", new(Who.Worker, "input.read=fail@9"), Fault.None, SameBytes),
        new("a worker reads a blob short, once", new(Who.Worker, "blob.read/t0/coreset=short@1"), Fault.None, SameBytes),
        new("a worker reads a flipped bit, once", new(Who.Worker, "blob.read/t0=flip@5"), Fault.None, SameBytes),
        new("a worker writes a flipped bit into a block of U", new(Who.Worker, "blob.write/t0/factorise=flip@2"), Fault.None, SameBytes),
    ];

    public static readonly FaultRow[] Inputs =
    [
        new("the input changes in a refine round", Moment.Block("refine-0"), Fault.ChangeInput, Stops(Bad, "changed", Fault.RestoreInput)),
        new("the input changes while the coordinator is down", Moment.Commit("refine-0"),
            Fault.KillCoordinatorAnd(run => Fault.ChangeInput(run)), Stops(Bad, "the input has changed since the job began", Fault.RestoreInput)),
        new("the job directory is used with other parameters", Moment.Commit("refine-0"), Fault.OtherParameters, SameBytes),
    ];

    public static readonly FaultRow[] Networks =
    [
        new("a worker is cut off in factorise, and comes back", Moment.Block("factorise"), Fault.CutWorker, SameBytes) { OnNetwork = true },
        new("the coordinator is cut off in a refine round, and comes back", Moment.Commit("refine-0"), Fault.CutCoordinator, SameBytes) { OnNetwork = true },
    ];

    public static readonly FaultRow[] Rows = [.. Workers, .. Coordinator, .. JointFit, .. TwoCoordinators, .. Damages, .. Disks, .. Inputs, .. Networks];
}
